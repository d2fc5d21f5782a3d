"""Identities of the apps, and what each may do: no account key is used anywhere."""

from enum import StrEnum

import pulumi
from pulumi_azure_native.authorization import RoleAssignment
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from components.context import Context


class Role(StrEnum):
    """Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

    QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
    QUEUE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"
    QUEUE_READER = "19e7f393-937e-4f77-808e-94535e297925"
    BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"


def identity_name(context: Context, part: str) -> str:
    """Also the name of its PostgreSQL role, so never more than 63 characters."""
    return context.naming.of_kind("id", part)


def make_identity(context: Context, part: str, location: str, group: pulumi.Input[str],
                  options: pulumi.ResourceOptions) -> UserAssignedIdentity:
    """A user-assigned identity: it exists before its app, so its rights do too."""
    return UserAssignedIdentity(f"identity-{part}", resource_name_=identity_name(context, part),
                                resource_group_name=group, location=location, tags=context.tags, opts=options)


def grant(context: Context, name: str, identity: UserAssignedIdentity, role: Role, scope: pulumi.Input[str],
          options: pulumi.ResourceOptions) -> RoleAssignment:
    """Lets an identity of ours act as `role` on `scope`.  The type is named so that Azure does not look for
    a principal that Entra may not have replicated yet:
    https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template#new-service-principal"""
    return assign(f"may-{name}", identity.principal_id, "ServicePrincipal", context.role(role), scope, options)


def assign(name: str, principal: pulumi.Input[str], kind: str, role: pulumi.Input[str], scope: pulumi.Input[str],
           options: pulumi.ResourceOptions, condition: str = "") -> RoleAssignment:
    """`principal` is an object id and `kind` what it names; `role` is a definition's id."""
    limits = {"condition": condition, "condition_version": "2.0"} if condition else {}
    return RoleAssignment(name, principal_id=principal, principal_type=kind, role_definition_id=role, scope=scope,
                          **limits, opts=options)
