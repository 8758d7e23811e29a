"""The machine of a run, without names or paths."""

import os
import platform
from importlib.metadata import version

from pymongo import AsyncMongoClient

from benchmarks.samples import Document

PACKAGES = (
    *("azure-functions", "pymongo", "pydantic"),
    *("starlette", "uvicorn", "httptools", "fastapi"),
)
GIBIBYTE = 2**30


async def describe(uri: str) -> str:
    """Describe the machine, its software and its load."""
    async with AsyncMongoClient[Document](uri) as client:
        mongodb = (await client.server_info())["version"]
    memory = os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") / GIBIBYTE
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, "
        f"{platform.system()} {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, MongoDB {mongodb}, {packages}. "
        f"The load average before was {os.getloadavg()[0]:.1f}."
    )
