"""What of distributed builds needs no Ray; with a real cluster: heavy/test_ray.py."""

import sys
from importlib.util import find_spec

import pytest

from dxqa.cli import main
from dxqa.encoders import distributed_encoder
from dxqa.encoders.ray_cluster import Plan, plan
from dxqa.errors import ClusterError
from tests.conftest import CORPUS


def test_an_address_needs_distributed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["build", "--ray-address", "127.0.0.1:6379"])
    assert end.value.code == 2
    assert "--distributed" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    arguments = ["--corpus", str(CORPUS), "--index", f"{tmp_path}/i", "--distributed"]
    assert main(["build", *arguments]) == 1
    assert "pip install 'dxqa[ray]'" in capsys.readouterr().err
    assert "ray" not in sys.modules


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize("address", ["ray://head:10001", "local", "6379", "head:", "head:x"])
def test_addresses_that_cannot_be_used(address: str) -> None:
    with pytest.raises(ClusterError, match=r"head のホスト:ポート"):
        distributed_encoder(address=address)


def test_nodes_are_divided_by_processors_or_by_gpus() -> None:
    assert plan([{"CPU": 8}, {"CPU": 5}, {"memory": 1}]) == Plan(actors=6, cpus=2)
    assert plan([{"CPU": 8}, {"CPU": 1}]) == Plan(actors=9, cpus=1)
    assert plan([{"CPU": 8}, {"CPU": 8, "GPU": 2}]) == Plan(actors=2, cpus=1, gpus=1)
    with pytest.raises(ClusterError, match="CPU"):
        plan([{"CPU": 0}, {"memory": 1}])
