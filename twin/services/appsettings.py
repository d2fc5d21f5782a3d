"""What a site finds in its environment: its app settings, as App Service hands them over.

https://learn.microsoft.com/azure/app-service/reference-app-settings
https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
"""

import json
import os
import re

from twin.services.base import Cloud, Resource, TwinError

EXTRA = "TWIN_SITE_SETTINGS"
"""Environment variable of the control plane with more settings for every site, as a JSON object: for tests only."""
HOST = re.compile(r"\blocalhost:(\d+)")


async def settings(cloud: Cloud, resource: Resource) -> dict[str, str]:
    """The app settings, Key Vault references resolved; names of the other region's resources lead through the network
    between the regions, as its private DNS has them lead through private endpoints."""
    pairs = (resource.inputs.get("siteConfig") or {}).get("appSettings") or []
    found = {pair["name"]: cloud.vaults.resolve(str(pair.get("value", ""))) for pair in pairs} | extra()
    where = places(cloud)
    return {name: await led(cloud, resource.location, value, where) for name, value in found.items()}


async def led(cloud: Cloud, region: str, value: str, where: dict[str, str]) -> str:
    """The value with the ports that the region has to use; `where`: port -> region of its resource."""
    for port in dict.fromkeys(HOST.findall(value)):
        link = await cloud.network.through(region, where.get(port, region), int(port))
        value = re.sub(rf"\blocalhost:{port}\b", f"localhost:{link}", value)
    return value


def places(cloud: Cloud) -> dict[str, str]:
    """Port -> region, of all that is reached from another region or from the edge."""
    found: dict[str, str] = {}
    for account in cloud.find("azure-native:storage:StorageAccount"):
        for end in ("primary", "secondary"):
            region = account.outputs.get(f"{end}Location") or account.location
            found |= dict.fromkeys(HOST.findall(json.dumps(account.outputs.get(f"{end}Endpoints"))), region)
    for kind, host in (("dbforpostgresql:Server", "fullyQualifiedDomainName"), ("web:WebApp", "defaultHostName")):
        for each in cloud.find(f"azure-native:{kind}"):
            found |= dict.fromkeys(HOST.findall(each.outputs.get(host, "")), each.location)
    return found


def extra() -> dict[str, str]:
    """TwinError when the variable is no JSON object of texts."""
    try:
        return {str(name): str(value) for name, value in json.loads(os.environ.get(EXTRA) or "{}").items()}
    except (ValueError, AttributeError) as error:
        raise TwinError(f"{EXTRA} must be a JSON object of names and values, such as {{\"A\": \"1\"}}; got "
                        f"{os.environ[EXTRA]!r}. Correct it or unset it.") from error
