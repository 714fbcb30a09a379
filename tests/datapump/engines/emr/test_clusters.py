"""What EMR is asked for."""

from __future__ import annotations

import pytest

from datapump.analyses import Analysis, FeatureType, SyncType
from datapump.engines import AnalysisRequest
from datapump.engines.emr.clusters import EmrOptions, cluster
from datapump.engines.emr.spark import arguments

JARS = "s3://jars"
OPTIONS = EmrOptions(pipeline_bucket="gfw-pipelines", jar_path=JARS, production=True)
NIGHT = AnalysisRequest(
    name="geostore_viirs_v1__job-1",
    analysis=Analysis.VIIRS,
    feature_type=FeatureType.GEOSTORE,
    features=("s3://gfw-pipelines/geotrellis/features/geostore/*.tsv",),
    output="s3://gfw-pipelines/geotrellis/results/v20260117/geostore/v1/viirs/firealerts_viirs_20260117_0200",
    fire_sources=("s3://lake/a.tsv", "s3://lake/b.tsv"),
    change_only=True,
    dataset="geostore",
    sync_type=SyncType.VIIRS,
    geotrellis_version="2.6.20",
)


def changed(**changes):
    return NIGHT.model_copy(update=changes)


def tail(request, *, production=True):
    """The arguments after the jar."""
    return arguments(request, JARS, production=production)[6:]


def test_a_night_of_fires_is_submitted_as_production_submits_it():
    assert arguments(NIGHT, JARS, production=True) == [
        "spark-submit",
        "--deploy-mode",
        "cluster",
        "--class",
        "org.globalforestwatch.summarystats.SummaryMain",
        "s3://jars/treecoverloss-assembly-2.6.20.jar",
        "firealerts",
        "--output",
        NIGHT.output,
        "--features",
        "s3://gfw-pipelines/geotrellis/features/geostore/*.tsv",
        "--feature_type",
        "geostore",
        "--change_only",
        "--fire_alert_type",
        "viirs",
        "--fire_alert_source",
        "s3://lake/a.tsv",
        "--fire_alert_source",
        "s3://lake/b.tsv",
    ]


def test_before_1_5_0_the_analysis_is_an_option():
    assert tail(changed(geotrellis_version="1.4.9"))[:2] == ["--analysis", "firealerts"]
    assert tail(changed(geotrellis_version="1.5.0"))[:2] == ["firealerts", "--output"]


@pytest.mark.parametrize(
    ("analysis", "name", "limits"),
    [
        ("tcl", "annualupdate_minimal", ["--tcl", "--change_only"]),
        ("glad", "gladalerts", ["--glad", "--change_only"]),
        ("integrated_alerts", "integrated_alerts", ["--glad"]),
        ("modis", "firealerts", ["--change_only", "--fire_alert_type", "modis"]),
        ("burned_areas", "firealerts", ["--change_only", "--fire_alert_type", "burned_areas"]),
    ],
)
def test_each_analysis_has_its_name_and_its_limits(analysis, name, limits):
    words = tail(changed(analysis=Analysis(analysis)))
    assert words[0] == name
    assert words[words.index("--feature_type") + 2 :][: len(limits)] == limits
    assert ("--fire_alert_source" in words) is (name == "firealerts")


def test_every_feature_file_is_named():
    words = tail(changed(features=("s3://a/1.tsv", "s3://a/2.tsv")))
    assert [words[index + 1] for index, word in enumerate(words) if word == "--features"] == [
        "s3://a/1.tsv",
        "s3://a/2.tsv",
    ]


def test_outside_production_only_a_few_countries_are_analysed():
    gadm = changed(feature_type=FeatureType.GADM)
    few = ["--iso_start", "BRA", "--iso_end", "COK"]
    words = tail(gadm, production=False)
    start = words.index("--iso_start")
    assert words[start : start + 4] == few
    assert start < words.index("--fire_alert_type")
    assert "--iso_start" not in tail(gadm)
    assert "--iso_start" not in tail(NIGHT, production=False)


def fleets(asked):
    return {fleet["InstanceFleetType"]: fleet for fleet in asked["Instances"]["InstanceFleets"]}


def test_one_worker_in_eight_is_a_core_node_on_demand_and_the_rest_are_spot():
    asked = fleets(cluster(changed(analysis=Analysis.MODIS), 50, OPTIONS))
    assert {kind: (one["TargetOnDemandCapacity"], one["TargetSpotCapacity"]) for kind, one in asked.items()} == {
        "MASTER": (1, 0),
        "CORE": (7, 0),
        "TASK": (0, 43),
    }
    types = {kind: [node["InstanceType"] for node in one["InstanceTypeConfigs"]] for kind, one in asked.items()}
    assert types["MASTER"] == ["r4.2xlarge"]
    assert types["CORE"] == types["TASK"] == ["r5a.2xlarge", "r5.2xlarge", "r4.2xlarge"]
    disks = [
        disk["VolumeSpecification"]
        for one in asked.values()
        for node in one["InstanceTypeConfigs"]
        for disk in node["EbsConfiguration"]["EbsBlockDeviceConfigs"]
    ]
    assert disks == [{"VolumeType": "gp2", "SizeInGB": 100}] * 7


@pytest.mark.parametrize(
    ("analysis", "feature_type", "spot"),
    [
        ("viirs", "geostore", False),
        ("integrated_alerts", "geostore", False),
        ("glad", "geostore", True),
        ("viirs", "gadm", True),
    ],
)
def test_long_analyses_of_user_areas_get_no_spot_nodes(analysis, feature_type, spot):
    asked = changed(analysis=Analysis(analysis), feature_type=FeatureType(feature_type))
    task = fleets(cluster(asked, 16, OPTIONS))["TASK"]
    assert (task["TargetOnDemandCapacity"], task["TargetSpotCapacity"]) == ((0, 14) if spot else (14, 0))


@pytest.mark.parametrize(
    ("version", "label", "script", "decommission"),
    [
        ("2.6.20", "emr-6.3.1", "gdal-3.8.3.sh", True),
        ("2.4.1", "emr-6.3.1", "gdal-3.8.3.sh", True),
        ("2.4.0", "emr-6.3.1", "gdal.sh", True),
        ("2.0.0", "emr-6.1.0", "gdal.sh", True),
        ("1.7.2", "emr-6.1.0", "gdal.sh", False),
    ],
)
def test_the_release_follows_the_version_of_geotrellis(version, label, script, decommission):
    asked = cluster(changed(geotrellis_version=version), 10, OPTIONS)
    assert asked["ReleaseLabel"] == label
    paths = [action["ScriptBootstrapAction"]["Path"] for action in asked["BootstrapActions"]]
    assert paths == [f"s3://gfw-pipelines/geotrellis/bootstrap/{script}"]
    switches = [name for name in spark(asked) if "decommission" in name]
    assert len(switches) == (4 if decommission else 0)


def spark(asked):
    settings = {one["Classification"]: one["Properties"] for one in asked["Configurations"]}
    assert set(settings) == {"spark", "spark-defaults", "emrfs-site", "yarn-site"}
    assert settings["spark"] == {"maximizeResourceAllocation": "false"}
    assert settings["emrfs-site"] == {"fs.s3.useRequesterPaysHeader": "true"}
    assert settings["yarn-site"] == {
        "yarn.nodemanager.pmem-check-enabled": "false",
        "yarn.nodemanager.vmem-check-enabled": "false",
        "yarn.resourcemanager.am.max-attempts": "1",
    }
    return settings["spark-defaults"]


def test_spark_gets_seven_executors_a_worker_and_three_partitions_an_executor():
    defaults = spark(cluster(NIGHT, 30, OPTIONS))
    assert defaults["spark.executor.instances"] == "210"
    assert defaults["spark.default.parallelism"] == defaults["spark.sql.shuffle.partitions"] == "630"
    assert defaults["spark.executor.memory"] == defaults["spark.driver.memory"] == "6G"
    assert defaults["spark.driver.maxResultSize"] == "3G"
    assert defaults["spark.dynamicAllocation.enabled"] == "false"
    for place in ("spark.executorEnv", "spark.yarn.appMasterEnv"):
        assert defaults[f"{place}.AWS_REQUEST_PAYER"] == "requester"
        assert defaults[f"{place}.GDAL_HTTP_RETRY_DELAY"] == "10"


def test_the_cluster_is_named_tagged_logged_and_ends_with_its_step():
    asked = cluster(NIGHT, 30, OPTIONS._replace(service_role="emr", instance_profile="node", subnets=("a", "b")))
    assert asked["Name"] == NIGHT.name
    assert asked["LogUri"] == "s3://gfw-pipelines/geotrellis/logs"
    assert [one["Name"] for one in asked["Applications"]] == ["Spark", "Zeppelin", "Ganglia"]
    assert {tag["Key"]: tag["Value"] for tag in asked["Tags"]} == {
        "Project": "Global Forest Watch",
        "Job": "GeoTrellis Summary Statistics",
        "Dataset": "geostore",
        "Analysis": "viirs",
        "Sync Type": "viirs",
    }
    assert asked["Steps"][0]["ActionOnFailure"] == "TERMINATE_CLUSTER"
    assert asked["Instances"]["KeepJobFlowAliveWhenNoSteps"] is False
    assert asked["Instances"]["Ec2SubnetIds"] == ["a", "b"]
    assert (asked["ServiceRole"], asked["JobFlowRole"]) == ("emr", "node")
    plain = cluster(changed(sync_type=None), 30, OPTIONS)
    assert "Sync Type" not in {tag["Key"] for tag in plain["Tags"]}
    assert not {"ServiceRole", "JobFlowRole"} & set(plain)
