"""The one error hierarchy: every message says what happened, where, and what to do next.

Messages are Japanese, since the command line and the web page show them to users as they are.
"""


class DxqaError(Exception):
    """Base of all errors that dxqa raises on purpose."""


class CorpusError(DxqaError):
    """A corpus folder or one of its files cannot be read."""


class ModelError(DxqaError):
    """An encoder cannot be loaded, or its files are missing or altered."""


class ClusterError(DxqaError):
    """The cluster that is to embed is missing, out of reach, or lacks what it needs."""


class StoreError(DxqaError):
    """A stored index is missing, damaged, or belongs to another model or version."""


class VersionError(StoreError):
    """A stored index belongs to another version of dxqa."""


class EngineError(DxqaError):
    """The server that finds candidates cannot be reached, or cannot be used as it is."""


class QuestionError(DxqaError):
    """A question, filter or question file cannot be used."""


class BusyError(DxqaError):
    """More is asked than can be answered soon: the same may be asked again in a while."""


class ExportError(DxqaError):
    """An answer cannot be saved: no such format, a file in the way, or a package is missing."""


class WriterError(DxqaError):
    """The optional writer is set up wrongly, or its language model does not answer."""


class LateError(WriterError):
    """The language model has not answered in time."""


class PackageError(DxqaError):
    """Files of an installed package are not those that were installed."""


class MissingPackageError(DxqaError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""
