"""dxqa"""
