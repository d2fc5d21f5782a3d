"""Alerts at the limit of what may be lost."""

import inspect
import re

import pytest

from components.alerts import JOURNAL, LIMIT_SECONDS
from shipments import report

REGIONS = ("eastus", "westus")


def test_the_limit_is_the_promised_quarter_of_an_hour():
    assert LIMIT_SECONDS == 15 * 60, "the objective of everything that is merely replicated"


@pytest.mark.parametrize("region", REGIONS)
def test_a_database_whose_copy_falls_behind_is_told_whichever_server_is_the_replica(recorded, region):
    alert = recorded.inputs("monitor:MetricAlert", f"database-lag-{region}")
    [lag] = alert["criteria"]["allOf"]
    assert alert["scopes"] == [f"/id/postgres-{region}"], "a promotion makes the other one the replica"
    assert (lag["metricName"], lag["timeAggregation"]) == ("physical_replication_delay_in_seconds", "Maximum"), \
        "Azure's name of Read Replica Lag"
    assert (lag["operator"], lag["threshold"]) == ("GreaterThan", LIMIT_SECONDS), "seconds"
    assert alert["criteria"]["odataType"].endswith("SingleResourceMultipleMetricCriteria"), "as Azure reads it"
    assert alert["location"] == "global", "metric alerts are nowhere else"


def test_the_journals_alert_reads_the_line_that_the_worker_writes():
    line = re.search(r'"(metric journal .*)",', inspect.getsource(report))[1]
    start = re.search(r'startswith "(.*)"', JOURNAL)[1]
    assert line.startswith(start) and " oldest_seconds=%.1f " in line, "a line of another form would never be found"


@pytest.mark.parametrize("region", REGIONS)
def test_the_age_of_the_journal_is_compared_with_the_limit(recorded, region):
    rule = recorded.inputs("monitor:ScheduledQueryRule", f"journal-alert-{region}")
    [condition] = rule["criteria"]["allOf"]
    assert rule["scopes"] == [f"/id/monitoring-{region}-logs"] and rule["location"] == region, "beside its logs"
    assert condition["query"].startswith(JOURNAL) and condition["metricMeasureColumn"] == "Seconds", "a line of its log"
    assert (condition["timeAggregation"], condition["operator"], condition["threshold"]) == (
        "Maximum", "GreaterThan", LIMIT_SECONDS), "one bad minute is enough"


@pytest.mark.parametrize("region", REGIONS)
def test_a_journal_that_nobody_walks_is_told_too(recorded, region):
    [condition] = recorded.inputs("monitor:ScheduledQueryRule", f"silence-alert-{region}")["criteria"]["allOf"]
    assert (condition["timeAggregation"], condition["operator"], condition["threshold"]) == ("Count", "LessThan", 1), \
        "no line at all means that the age is not known"


def test_each_alert_goes_to_whoever_answers_for_it(varied):
    groups = varied.of("monitor:ActionGroup")
    assert {name: item.inputs["emailReceivers"][0]["emailAddress"] for name, item in groups.items()} == {
        "alerts-platform": "platform@example.com", "alerts-shipments": "shipments@example.com"}, "as configured"
    assert all(len(item.inputs["groupShortName"]) <= 12 for item in groups.values()), "Azure's limit"
    database = varied.inputs("monitor:MetricAlert", "database-lag-eastus")["actions"]
    assert database == [{"actionGroupId": "/id/alerts-platform"}], "the database is the platform's"
    journal = varied.inputs("monitor:ScheduledQueryRule", "journal-alert-westus")["actions"]
    assert journal == {"actionGroups": ["/id/alerts-shipments"]}, "the journal is the worker's"


def test_without_an_address_alerts_are_only_shown(recorded):
    assert recorded.of("monitor:ActionGroup") == {}, "there is nobody to tell"
    assert not recorded.inputs("monitor:MetricAlert", "database-lag-eastus")["actions"], "but the rule is there"
