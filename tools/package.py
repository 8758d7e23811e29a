"""Install the deployed packages into `.python_packages`, for the Functions host: `make package`.

It must run on the Python that is deployed: that Python's version decides which packages are
installed, and only it can compile them. uv brings it: `uv run --no-project --python 3.13`.
"""

import compileall
import os
import platform
import shutil
import subprocess
from pathlib import Path
from py_compile import PycInvalidationMode

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".python_packages" / "lib" / "site-packages"

# The oldest glibc among the host's images.
PLATFORM = "x86_64-manylinux_2_28"


def install() -> None:
    """Install exactly what `requirements.txt` pins, whatever system this runs on."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    version = ".".join(platform.python_version_tuple()[:2])
    command = [os.environ.get("UV", "uv"), "pip", "install", "--quiet", "--require-hashes"]
    command += ["--only-binary", ":all:", "--requirement", str(ROOT / "requirements.txt")]
    command += ["--python-version", version, "--python-platform", PLATFORM]
    subprocess.run([*command, "--target", str(FOLDER)], check=True)  # noqa: S603 - ours


def compile_all() -> None:
    """Compile the packages, since the host cannot keep what it compiles.

    A cold start would take three times the processor time. The compiled files are trusted as they
    are, because the times of files change on the way to Azure.
    """
    compileall.compile_dir(FOLDER, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


if __name__ == "__main__":
    install()
    compile_all()
