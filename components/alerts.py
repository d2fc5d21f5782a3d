"""Alerts: what is merely replicated must not be older than a quarter of an hour in the other region."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import monitor

from components.context import Context
from components.database import Database
from components.region import Region

LIMIT_SECONDS = 900
"""The recovery point objective of everything that is not in the journal."""
DATABASE_LAG = "physical_replication_delay_in_seconds"
"""Read Replica Lag: told by whichever server is the replica, so that both are watched and a promotion changes nothing:
https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-dbforpostgresql-flexibleservers-metrics"""
JOURNAL = 'AppTraces | where Message startswith "metric journal "'
"""What the worker tells of its walk, such as `metric journal region=eastus oldest_seconds=1.5 entries=3`
(shipments/report.py): https://learn.microsoft.com/azure/azure-monitor/reference/tables/apptraces"""
SINGLE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"


@dataclass(frozen=True)
class AlertsArgs:
    """`group` holds what is not regional."""

    context: Context
    group: pulumi.Input[str]
    regions: Mapping[str, Region]
    database: Database


class Alerts(pulumi.ComponentResource):
    """Rules in each region, beside what they watch, and an action group for each owner who has an address.

    A rule whose owner has none fires all the same and is shown in the portal.  Logs are kept by region, hence rules
    over them are, too: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
    Of storage `failover status` and `watch` tell: its metric of the lag is a preview with a feature to register, and
    only of accounts that pay for priority: https://learn.microsoft.com/azure/storage/common/storage-redundancy-priority-replication
    """

    def __init__(self, name: str, args: AlertsArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Alerts", name, None, opts)
        self.args, self.context = args, args.context
        platform = self.context.platform
        self.addressed = {owner: self._action_group(owner, address) for owner, address in platform.alerts.items()}
        for region in args.regions.values():
            self._database_lag(region)
            self._journal_age(region)
            self._silence(region)
        self.register_outputs({})

    def _action_group(self, owner: str, address: str) -> monitor.ActionGroup:
        """https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups; short names have 12 characters."""
        receiver = monitor.MicrosoftCommonEmailReceiverArgs(name=owner, email_address=address,
                                                            use_common_alert_schema=True)
        return monitor.ActionGroup(
            f"alerts-{owner}", action_group_name=self.context.naming.of_kind("ag", owner), location="Global",
            resource_group_name=self.args.group, group_short_name=owner[:12], enabled=True,
            email_receivers=[receiver], tags=self.context.tags, opts=pulumi.ResourceOptions(parent=self))

    def _told(self, owner: str) -> list[pulumi.Output[str]]:
        return [self.addressed[owner].id] if owner in self.addressed else []

    def _named(self, what: str, region: Region, owner: str) -> dict[str, object]:
        """What all rules have in common."""
        return {"rule_name": self.context.naming.of_kind("alert", what, region.location), "enabled": True,
                "resource_group_name": region.group.name, "severity": 1, "auto_mitigate": True,
                "tags": {**self.context.tags, "owner": owner}, "opts": pulumi.ResourceOptions(parent=self)}

    def _database_lag(self, region: Region) -> None:
        owner = self.context.platform.owner
        lag = monitor.MetricCriteriaArgs(
            criterion_type="StaticThresholdCriterion", name="lag", metric_name=DATABASE_LAG,
            metric_namespace="Microsoft.DBforPostgreSQL/flexibleServers", operator="GreaterThan",
            threshold=LIMIT_SECONDS, time_aggregation="Maximum")
        monitor.MetricAlert(
            f"database-lag-{region.location}", **self._named("database", region, owner), location="global",
            scopes=[self.args.database.servers[region.location].id], evaluation_frequency="PT1M", window_size="PT5M",
            criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(odata_type=SINGLE, all_of=[lag]),
            actions=[monitor.MetricAlertActionArgs(action_group_id=group) for group in self._told(owner)],
            description=f"The database's copy in {region.location} is more than {LIMIT_SECONDS} s behind.")

    def _journal_age(self, region: Region) -> None:
        self._rule(region, "journal", "PT5M", monitor.ConditionArgs(
            query=f'{JOURNAL} | parse Message with * "oldest_seconds=" Seconds:real " " *', time_aggregation="Maximum",
            metric_measure_column="Seconds", operator="GreaterThan", threshold=LIMIT_SECONDS, failing_periods=_ONCE),
            f"A command in {region.location}'s journal waits for more than {LIMIT_SECONDS} s.")

    def _silence(self, region: Region) -> None:
        """A walker that does not run tells no age at all."""
        self._rule(region, "silence", "PT15M", monitor.ConditionArgs(
            query=JOURNAL, time_aggregation="Count", operator="LessThan", threshold=1,
            failing_periods=_ONCE), f"Nobody walks the journal in {region.location}: its age is not known.")

    def _rule(self, region: Region, what: str, window: str, condition: monitor.ConditionArgs, description: str) -> None:
        """Queries are not checked when a rule is made: the workspace is as new as the rule then."""
        owner = self.context.platform.writer.owner
        monitor.ScheduledQueryRule(
            f"{what}-alert-{region.location}", **self._named(what, region, owner), location=region.location,
            kind="LogAlert", display_name=f"{what} in {region.location}", description=description,
            scopes=[region.monitoring.workspace.id], evaluation_frequency="PT5M", window_size=window,
            criteria=monitor.ScheduledQueryRuleCriteriaArgs(all_of=[condition]), skip_query_validation=True,
            actions=monitor.ActionsArgs(action_groups=self._told(owner)))


_ONCE = monitor.ConditionFailingPeriodsArgs(number_of_evaluation_periods=1, min_failing_periods_to_alert=1)
