from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edge.errors import InputError, NotAHalfOrbitFile
from edge.readers.names import parse_name
from edge.readers.sniffing import sniff

HPM = "CSES_01_HPM_5_L02_A2_096791_20191101_001933_20191101_005555_000.h5"
ISL = "DMT_N1_1144_112341_20060809_210000_20060809_213000.DAT"
IAP = "DMT_N1_1140_112341_20060809_210000_20060809_213000.DAT"
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        sniff(path)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(f"{path.name}: ")
    return message


@pytest.mark.parametrize(
    ("name", "content"),
    [(HPM, HDF5), (ISL, b"\x4c" + bytes(288)), (IAP, b"\x4c" + bytes(3 * 312 - 1))],
)
def test_a_plausible_file_gives_what_its_name_says(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert sniff(path) == sniff(str(path)) == parse_name(name)


def test_a_symbolic_link_to_a_file_is_followed(tmp_path):
    target = tmp_path / "elsewhere"
    target.write_bytes(HDF5)
    (tmp_path / HPM).symlink_to(target)
    assert sniff(tmp_path / HPM) == parse_name(HPM)


@pytest.mark.parametrize("name", [HPM, ISL])
def test_an_empty_file_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    assert "is empty (0 bytes)" in refusal(tmp_path / name)


@pytest.mark.parametrize("name", [HPM, "any folder"])
def test_a_folder_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    assert "is a folder, not a file" in refusal(tmp_path / name)


@pytest.mark.parametrize("name", [HPM, "nothing"])
def test_a_missing_file_is_refused(tmp_path, name):
    assert "no such file" in refusal(tmp_path / name)


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / HPM).symlink_to(tmp_path / HPM)
    assert "a loop of symbolic links" in refusal(tmp_path / HPM)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / HPM)
    assert "is not a regular file" in refusal(tmp_path / HPM)


def test_a_path_too_long_is_refused():
    with pytest.raises(InputError, match="its path is too long"):
        sniff("/" + "a" * 300)


def test_an_unknown_name_is_refused_by_its_own_class(tmp_path):
    (tmp_path / "photo.png").write_bytes(PNG)
    with pytest.raises(NotAHalfOrbitFile):
        sniff(tmp_path / "photo.png")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PNG, "is not HDF5: it is a PNG image"),
        (b"\n <!DOCTYPE html><title>Log in</title>", "is not HDF5: it is a web page"),
        (b"\x1f\x8b\x08\x00", "is not HDF5: it is a gzip archive"),
        (bytes(400), "is not HDF5: it is zero bytes, as a download that was broken off"),
        (b"\x89HDF\n\x1a\n" + bytes(90), "is not HDF5"),
        (b"password: hunter2", "is not HDF5"),
    ],
)
def test_another_format_under_an_hdf5_name_is_refused_without_its_bytes(tmp_path, content, words):
    (tmp_path / HPM).write_bytes(content)
    said = refusal(tmp_path / HPM)
    assert words in said
    assert "hunter2" not in said
    assert "89" not in said


def test_another_format_under_a_demeter_name_is_refused(tmp_path):
    (tmp_path / ISL).write_bytes(HDF5.ljust(289, b"\0"))
    assert "is not DEMETER N1: it begins with 0x89" in refusal(tmp_path / ISL)


@pytest.mark.parametrize(("name", "record"), [(ISL, 289), (IAP, 312)])
def test_less_than_a_record_is_refused_and_a_record_that_is_cut_is_not(tmp_path, name, record):
    (tmp_path / name).write_bytes(b"\x4c" * (record - 1))
    assert f"has {record - 1} bytes, less than a record of {record}" in refusal(tmp_path / name)
    (tmp_path / name).write_bytes(b"\x4c" * (3 * record - 1))
    assert sniff(tmp_path / name) == parse_name(name)


@pytest.mark.parametrize("lost", [100, 289, 400])
@pytest.mark.parametrize("zeros", [True, False])
def test_a_demeter_file_that_lost_its_begin_is_known_by_what_follows(
    tmp_path, make_demeter, lost, zeros
):
    path = make_demeter(n=4)
    path.write_bytes(bytes(lost * zeros) + path.read_bytes()[lost:])
    assert sniff(path) == parse_name(path)
    # The same bytes are those of no other half-orbit.
    other = tmp_path / path.name.replace("112341", "112351")
    other.write_bytes(path.read_bytes()[:570])
    if not zeros and lost != 289:
        assert "is not DEMETER N1" in refusal(other)


def test_record_sizes_are_those_of_the_document(n1_layout):
    from edge.readers.sniffing import RECORD_BYTES

    assert {apid: size for apid, (size, *_) in n1_layout.records.items()} == RECORD_BYTES


def test_a_name_with_control_characters_is_folded_into_one_line(tmp_path):
    with pytest.raises(InputError) as caught:
        sniff(tmp_path / "two\nlines\x1b[31m")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("from edge.readers.sniffing import sniff; sniff(r'{path}')", "h5py numpy numba"),
        ("import edge", "h5py numpy numba"),
        ("import edge.readers, edge.errors, edge.observables, edge.units", "h5py numpy numba"),
        ("import edge.readers.demeter", "h5py numba"),
    ],
)
def test_what_is_cheap_imports_nothing_dear(tmp_path, repository, statement, absent):
    path = tmp_path / HPM
    path.write_bytes(HDF5)
    code = (
        f"{statement.format(path=path)}\nimport sys\n"
        f"print(*(m for m in {absent.split()} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
