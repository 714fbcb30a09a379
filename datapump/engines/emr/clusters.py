"""The cluster of a run, as EMR is asked for it.

Source: the clusters of the production pipeline.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from datapump.analyses import Analysis, FeatureType
from datapump.engines.emr.spark import arguments, configurations
from datapump.results import release

if TYPE_CHECKING:
    from types_boto3_emr.type_defs import (
        EbsBlockDeviceConfigTypeDef,
        InstanceFleetConfigTypeDef,
        InstanceTypeConfigTypeDef,
        JobFlowInstancesConfigTypeDef,
        RunJobFlowInputTypeDef,
        TagTypeDef,
    )

    from datapump.engines import AnalysisRequest
    from datapump.settings import Settings

MASTER: Final = "r4.2xlarge"
WORKERS: Final = ("r5a.2xlarge", "r5.2xlarge", "r4.2xlarge")
DISK_GB: Final = 100
WORKERS_PER_CORE_NODE: Final = 8
SPARK_3_1: Final = (2, 0, 0)
GDAL_3_8: Final = (2, 4, 1)


class EmrOptions(NamedTuple):
    """What a deployment chooses of its clusters.

    Attributes:
        pipeline_bucket: Bucket of bootstrap scripts and logs.
        jar_path: Folder of the GeoTrellis jars.
        production: Whether gadm is analysed whole, and folders with all workers.
        instance_profile: Role of the nodes; None: EMR's own default.
        service_role: Role of EMR; None: EMR's own default.
        subnets: Subnets that the nodes may be in.
        key_name: SSH key of the nodes.
    """

    pipeline_bucket: str
    jar_path: str
    production: bool
    instance_profile: str | None = None
    service_role: str | None = None
    subnets: tuple[str, ...] = ()
    key_name: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(
            pipeline_bucket=settings.pipeline_bucket,
            jar_path=settings.geotrellis_jars or f"s3://{settings.pipeline_bucket}/geotrellis/jars",
            # One machine computes all countries, and so do its clusters.
            production=settings.environment in {"production", "embedded"},
            instance_profile=settings.emr_instance_profile,
            service_role=settings.emr_service_role,
            subnets=settings.emr_subnets,
            key_name=settings.emr_key_name,
        )


def cluster(request: AnalysisRequest, workers: int, options: EmrOptions) -> RunJobFlowInputTypeDef:
    """What `RunJobFlow` is asked: one cluster, one step, gone when that ends, well or badly."""
    version = release(request.geotrellis_version)
    folder = f"s3://{options.pipeline_bucket}/geotrellis"
    script = "gdal-3.8.3.sh" if version >= GDAL_3_8 else "gdal.sh"
    command = arguments(request, options.jar_path, production=options.production)
    asked: RunJobFlowInputTypeDef = {
        "Name": request.name,
        "ReleaseLabel": "emr-6.3.1" if version > SPARK_3_1 else "emr-6.1.0",
        "LogUri": log_folder(options),
        "Applications": [{"Name": name} for name in ("Spark", "Zeppelin", "Ganglia")],
        "BootstrapActions": [
            {"Name": "Install GDAL", "ScriptBootstrapAction": {"Path": f"{folder}/bootstrap/{script}"}}
        ],
        "Steps": [
            {
                "Name": request.analysis.value,
                "ActionOnFailure": "TERMINATE_CLUSTER",
                "HadoopJarStep": {"Jar": "command-runner.jar", "Args": command},
            }
        ],
        "Instances": _instances(request, workers, options),
        "Configurations": configurations(request.geotrellis_version, workers),
        "Tags": _tags(request),
        "VisibleToAllUsers": True,
    }
    if options.instance_profile is not None:
        asked["JobFlowRole"] = options.instance_profile
    if options.service_role is not None:
        asked["ServiceRole"] = options.service_role
    return asked


def log_folder(options: EmrOptions) -> str:
    """Where the clusters leave their logs, each in a folder of its own id."""
    return f"s3://{options.pipeline_bucket}/geotrellis/logs"


def _tags(request: AnalysisRequest) -> list[TagTypeDef]:
    tags = {
        "Project": "Global Forest Watch",
        "Job": "GeoTrellis Summary Statistics",
        "Dataset": request.dataset,
        "Analysis": request.analysis.value,
    }
    if request.sync_type is not None:
        tags["Sync Type"] = request.sync_type.value
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _instances(request: AnalysisRequest, workers: int, options: EmrOptions) -> JobFlowInstancesConfigTypeDef:
    core = core_nodes(workers)
    task = workers - core
    spot = not needs_on_demand(request)
    instances: JobFlowInstancesConfigTypeDef = {
        "InstanceFleets": [
            _fleet("MASTER", "geotrellis-master", [MASTER], on_demand=1),
            _fleet("CORE", "geotrellis-cores", WORKERS, on_demand=core),
            _fleet("TASK", "geotrellis-tasks", WORKERS, on_demand=0 if spot else task, spot=task if spot else 0),
        ],
        "KeepJobFlowAliveWhenNoSteps": False,
        "TerminationProtected": False,
    }
    if options.key_name is not None:
        instances["Ec2KeyName"] = options.key_name
    if options.subnets:
        instances["Ec2SubnetIds"] = list(options.subnets)
    return instances


def core_nodes(workers: int) -> int:
    """How many of the workers keep data, and so are never spot instances."""
    return math.ceil(workers / WORKERS_PER_CORE_NODE)


def needs_on_demand(request: AnalysisRequest) -> bool:
    """The analyses that a lost node throws back too far."""
    long = request.analysis in {Analysis.VIIRS, Analysis.INTEGRATED_ALERTS}
    return long and request.feature_type is FeatureType.GEOSTORE


def _fleet(
    kind: str, name: str, types: tuple[str, ...] | list[str], *, on_demand: int, spot: int = 0
) -> InstanceFleetConfigTypeDef:
    return {
        "Name": name,
        "InstanceFleetType": kind,  # type: ignore[typeddict-item]
        "TargetOnDemandCapacity": on_demand,
        "TargetSpotCapacity": spot,
        "InstanceTypeConfigs": [_node(instance_type) for instance_type in types],
    }


def _node(instance_type: str) -> InstanceTypeConfigTypeDef:
    disk: EbsBlockDeviceConfigTypeDef = {
        "VolumeSpecification": {"VolumeType": "gp2", "SizeInGB": DISK_GB},
        "VolumesPerInstance": 1,
    }
    return {
        "InstanceType": instance_type,
        "EbsConfiguration": {"EbsBlockDeviceConfigs": [disk], "EbsOptimized": True},
    }
