from pathlib import Path

import numpy as np
import pytest

from recommendations.engines.artefacts import DamagedArtefactError, load, save


def test_an_artefact_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.npz"
    digest = save(path, arrays={"names": np.array(["a", "é"])}, metadata={"engine": "lightfm"})
    arrays, metadata = load(path, sha256=digest)
    assert (arrays["names"].tolist(), metadata) == (["a", "é"], {"engine": "lightfm"})
    assert [file.name for file in path.parent.iterdir()] == ["model.npz"]


def test_a_changed_artefact_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    digest = save(path, arrays={"x": np.arange(3)}, metadata={})
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(DamagedArtefactError, match="sha256"):
        load(path, sha256=digest)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    digest = save(path, arrays={"x": np.arange(3)}, metadata={})
    with pytest.raises(TypeError):
        save(path, arrays={"x": np.arange(4)}, metadata={"not json": object()})
    assert load(path, sha256=digest)[0]["x"].tolist() == [0, 1, 2]
