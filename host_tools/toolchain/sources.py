"""What `make toolchain` is built from: Debian's packages, pinned by version and by sha256. Each is MIT, BSD or Apache.

The pinned version is taken while its suite offers it; after that the newest that is, with a warning, and its hash is
then what apt has verified by the archive's signature. To move a pin: change version and hashes here, and run the tests.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One Debian package. name: its folder below build/toolchain/source."""

    name: str
    package: str
    version: str
    suite: str
    files: dict[str, str]  # file name: sha256
    binary: bool = False  # a .deb that holds source (apt-get download), not a source package (apt-get source)
    strip: int = 1  # leading folders of its archive's names

    @property
    def apt_type(self) -> str:
        return "deb" if self.binary else "deb-src"


MICROPYTHON = Source(
    "micropython",
    "micropython",
    "1.26.1+ds-1",
    "forky",
    {"micropython_1.26.1+ds.orig.tar.xz": "f5ad2ec89d3e921f753d448955af98b6005655f84ba26087dde6ba0e8d062f34"},
)
MBEDTLS = Source(
    "mbedtls",
    "mbedtls",
    "3.6.6-0.1~deb13u1",
    "trixie",
    {"mbedtls_3.6.6.orig.tar.bz2": "8fb65fae8dcae5840f793c0a334860a411f884cc537ea290ce1c52bb64ca007a"},
)
PICO_SDK = Source(
    "pico-sdk",
    "pico-sdk-source",
    "2.1.1-1",
    "trixie",  # 2.2.0 of later suites does not build with this MicroPython
    {"pico-sdk-source_2.1.1-1_all.deb": "507a3ca37636641bc90239d7c04dc9dc28c5008087a8162102ea94d2273153d3"},
    binary=True,
)
TINYUSB = Source(
    "tinyusb",
    "tinyusb-source",
    "0.18.0+dfsg-1",
    "trixie",
    {"tinyusb-source_0.18.0+dfsg-1_all.deb": "01ce2c645df68f14a8a7dcfc8fb355713152543757955820479a87949a61154e"},
    binary=True,
)
UNIX = (MICROPYTHON,)
RP2 = (MICROPYTHON, MBEDTLS, PICO_SDK, TINYUSB)
