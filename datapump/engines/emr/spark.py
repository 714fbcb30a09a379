"""What Spark is told: the program with its arguments, and the settings of the cluster.

Source: the clusters of the production pipeline. GDAL's environment is that of the bootstrap script, which installs it
under `/usr/local/miniconda`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datapump.analyses import FIRE_ANALYSES, Analysis, FeatureType
from datapump.results import release

if TYPE_CHECKING:
    from types_boto3_emr.type_defs import ConfigurationTypeDef

    from datapump.engines import AnalysisRequest

PROGRAM: Final = "org.globalforestwatch.summarystats.SummaryMain"
NAMES: Final = {
    Analysis.TCL: "annualupdate_minimal",
    Analysis.GLAD: "gladalerts",
    Analysis.INTEGRATED_ALERTS: "integrated_alerts",
    **dict.fromkeys(FIRE_ANALYSES, "firealerts"),
}
NAME_IS_ARGUMENT: Final = (1, 5, 0)
DECOMMISSIONS: Final = (2, 0, 0)
EXECUTORS_PER_WORKER: Final = 7
PARTITIONS_PER_EXECUTOR: Final = 3
# Sampled countries: codes from BRA up to but without COK.
FIRST_COUNTRY: Final = "BRA"
COUNTRY_AFTER_LAST: Final = "COK"
_JAVA: Final = "-XX:+UseParallelGC -XX:+UseParallelOldGC -XX:OnOutOfMemoryError='kill -9 %p'"
_ENVIRONMENT: Final = {
    "AWS_REQUEST_PAYER": "requester",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "10",
    "LD_LIBRARY_PATH": "/usr/local/miniconda/lib/:/usr/local/lib",
}


def arguments(request: AnalysisRequest, jar_path: str, *, production: bool) -> list[str]:
    """The `spark-submit` command line of a run.

    GeoTrellis makes a folder `{analysis folder}_{date}` of its own below `--output`, which is the run's own folder.
    """
    version = request.geotrellis_version
    name = [] if release(version) >= NAME_IS_ARGUMENT else ["--analysis"]
    return [
        *("spark-submit", "--deploy-mode", "cluster", "--class", PROGRAM),
        f"{jar_path}/treecoverloss-assembly-{version}.jar",
        *(*name, NAMES[request.analysis]),
        *("--output", request.output),
        *(part for features in request.features for part in ("--features", features)),
        *("--feature_type", request.feature_type.value),
        *_limits(request, production=production),
        *_fires(request),
    ]


def _limits(request: AnalysisRequest, *, production: bool) -> list[str]:
    limits = []
    if request.analysis is Analysis.TCL:
        limits.append("--tcl")
    if request.analysis in {Analysis.GLAD, Analysis.INTEGRATED_ALERTS}:
        limits.append("--glad")
    # GeoTrellis refuses this option of the integrated alerts.
    if request.change_only and request.analysis is not Analysis.INTEGRATED_ALERTS:
        limits.append("--change_only")
    if request.iso_start or request.iso_end:
        given = (("--iso_start", request.iso_start), ("--iso_end", request.iso_end))
        limits += [part for option, code in given if code for part in (option, code)]
    elif request.feature_type is FeatureType.GADM and not production:
        limits += ["--iso_start", FIRST_COUNTRY, "--iso_end", COUNTRY_AFTER_LAST]
    return limits


def _fires(request: AnalysisRequest) -> list[str]:
    if request.analysis not in FIRE_ANALYSES:
        return []
    sources = [part for source in request.fire_sources for part in ("--fire_alert_source", source)]
    return ["--fire_alert_type", request.analysis.value, *sources]


def configurations(geotrellis_version: str, workers: int) -> list[ConfigurationTypeDef]:
    """The settings of Spark, YARN and EMRFS on a cluster of so many workers."""
    return [
        {"Classification": "spark", "Properties": {"maximizeResourceAllocation": "false"}},
        {"Classification": "spark-defaults", "Properties": _spark_defaults(geotrellis_version, workers)},
        {"Classification": "emrfs-site", "Properties": {"fs.s3.useRequesterPaysHeader": "true"}},
        {
            "Classification": "yarn-site",
            "Properties": {
                "yarn.nodemanager.pmem-check-enabled": "false",
                "yarn.nodemanager.vmem-check-enabled": "false",
                "yarn.resourcemanager.am.max-attempts": "1",
            },
        },
    ]


def _spark_defaults(geotrellis_version: str, workers: int) -> dict[str, str]:
    executors = workers * EXECUTORS_PER_WORKER
    partitions = str(executors * PARTITIONS_PER_EXECUTOR)
    sizes = {
        "spark.executor.instances": str(executors),
        "spark.default.parallelism": partitions,
        "spark.sql.shuffle.partitions": partitions,
        "spark.executor.memory": "6G",
        "spark.executor.cores": "1",
        "spark.driver.memory": "6G",
        "spark.driver.cores": "1",
        "spark.driver.maxResultSize": "3G",
        "spark.yarn.executor.memoryOverhead": "1G",
    }
    behaviour = {
        "spark.dynamicAllocation.enabled": "false",
        "spark.shuffle.service.enabled": "true",
        "spark.shuffle.compress": "true",
        "spark.shuffle.spill.compress": "true",
        "spark.rdd.compress": "true",
        "spark.driver.defaultJavaOptions": _JAVA,
        "spark.executor.defaultJavaOptions": _JAVA,
    }
    places = ("spark.executorEnv", "spark.yarn.appMasterEnv")
    environment = {f"{place}.{name}": value for place in places for name, value in _ENVIRONMENT.items()}
    return sizes | behaviour | environment | _decommission(geotrellis_version)


def _decommission(geotrellis_version: str) -> dict[str, str]:
    """Blocks move to other nodes before a spot node is taken away."""
    if release(geotrellis_version) < DECOMMISSIONS:
        return {}
    storage = "spark.storage.decommission"
    switches = ("spark.decommission", storage, f"{storage}.rddBlocks", f"{storage}.shuffleBlocks")
    return {f"{name}.enabled": "true" for name in switches}
