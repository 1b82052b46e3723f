"""Spark settings for loads on this machine. Start-up is most of a small job, so loaded classes are archived.

Measured on the smallest dimension: 35 CPU seconds with Spark's defaults, 22 with the C1 compiler only, 16 with an
archive of loaded classes too. C1 limits the peak speed: right here, wrong on a cluster. Hence these settings are in
separate properties files.
"""

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from sandbox.surroundings import SPARKS_OWN, without

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT / "config" / "spark-defaults.conf"
SMALL = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
#: The fact may be large, and then the C2 compiler pays off, but only for code that runs hundreds of thousands of
#: times: these thresholds halve the time of compilation. Rows are short-lived, so a small young generation is enough.
LARGE = (
    "-XX:+UseSerialGC -Xmn64m -XX:Tier4BackEdgeThreshold=200000 -XX:Tier4InvocationThreshold=100000"
    " -XX:Tier4MinInvocationThreshold=50000 -XX:Tier4CompileThreshold=200000"
)
LARGE_MEMORY = "spark.driver.memory 1536m\n"
#: Four jobs share a cluster with few cores: each starts with one executor, and gets more while cores are free.
SHARING = f"""
spark.executor.cores                    1
spark.executor.defaultJavaOptions       {SMALL}
spark.dynamicAllocation.enabled         true
spark.dynamicAllocation.minExecutors    1
"""
JOB = ROOT / "spark_apps" / "load_dim_store.py"


class LocalSpark:
    """Properties files in `folder`, one for dimensions and one for the fact, and the class archive of both.

    shared: jobs run on a cluster, several at a time.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self._more = SHARING if shared else ""
        self.properties = folder / "spark-defaults.conf"
        self.fact_properties = folder / "spark-fact.conf"
        self.archive = ROOT / "build" / f"spark-{_runtime()}.jsa"
        self._unfinished = self.archive.with_suffix(f".{os.getpid()}")
        self._training: subprocess.Popen[bytes] | None = None

    def extra(self) -> dict[str, str]:
        """The extra of the connection spark_default."""
        return {
            "properties-file": str(self.properties),
            "fact-properties-file": str(self.fact_properties),
            "launcher-opts": f"{SMALL} -Xshare:auto",
        }

    def write(self) -> None:
        """Write the properties files. Java ignores the archive if it is missing or of another version."""
        archived = f"-Xshare:auto -Xlog:disable -Xlog:all=error:stderr -XX:SharedArchiveFile={self.archive}"
        self.properties.write_text(self._text(f"{SMALL} {archived}") + self._more)
        self.fact_properties.write_text(self._text(f"{LARGE} {archived}") + LARGE_MEMORY + self._more)

    def train(self, credentials: Path) -> bool:
        """Start a dry run that creates the class archive, unless there is one for this Java and Spark.

        Returns whether it was started.
        """
        if self.archive.exists():
            return False
        self.archive.parent.mkdir(exist_ok=True)
        for old in self.archive.parent.glob("spark-*"):
            old.unlink()
        training = self.properties.with_name("spark-training.conf")
        training.write_text(self._text(f"{SMALL} -XX:ArchiveClassesAtExit={self._unfinished} -Xlog:disable"))
        environment = without(os.environ, *SPARKS_OWN) | {
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
        }
        self._training = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("spark-submit")),
                *("--master", "local[2]", "--properties-file", str(training)),
                *("--jars", str(ROOT / "jars" / "postgresql.jar")),
                *(str(JOB), "--config", str(credentials), "--dry-run"),
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return True

    def finish(self) -> None:
        """Wait for the training. If it fails, jobs run without the archive, only slower."""
        if self._training is None:
            return
        try:
            self._training.wait(timeout=120)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.stop()
        if self._training.returncode == 0 and self._unfinished.exists():
            self._unfinished.replace(self.archive)
        self._unfinished.unlink(missing_ok=True)
        self.properties.with_name("spark-training.conf").unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop a training that still runs."""
        if self._training is not None and self._training.poll() is None:
            self._training.kill()
            self._training.wait()

    def _text(self, options: str) -> str:
        return f"{SHARED.read_text()}\nspark.driver.extraJavaOptions {options}\n"


def _runtime() -> str:
    """A hash of the Java and Spark in use: an archive is valid for them only, and for the files as they were installed.

    Java compares the time of each jar with the archive's, and does without it, silently, where they differ.
    """
    java = Path(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
    java_version = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    spark = find_spec("pyspark")
    origin = Path(spark.origin) if spark and spark.origin else Path()
    jars = sorted(origin.parent.glob("jars/*.jar"))
    installed = [(jar.name, jar.stat().st_mtime_ns) for jar in jars]
    text = f"{java_version}{origin}{installed}{SHARED.read_text()}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
