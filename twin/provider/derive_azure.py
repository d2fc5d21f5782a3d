"""The part of the table that Azure's own type data gives; see derive.py for the shape and where the data comes from."""

import importlib
import sys
from pathlib import Path
from typing import Any


class Azure:
    """Lays Azure's type data over the SDK's: every method takes SDK nodes and adds "az"."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(folder))
        self.validate, self.overrides = importlib.import_module("validate"), importlib.import_module("overrides")
        self.index = self.validate.load("index.json")

    def resource(self, token: str, entry: dict[str, Any], pool: dict[str, Any]) -> None:
        path = self.overrides.PATHS[token]
        provider, *segments = path.rsplit("/providers/", 1)[1].split("/")
        arm = "/".join([provider, *segments[0::2]])
        versions = self.index["types"][arm.lower()]["versions"]
        used = self.validate.nearest(entry["api"], versions)
        data = self.validate.load(f"{provider.lower()}@{used}.json")
        self.types, self.pool, self.seen = data["types"], pool, set()
        self.exact = used == entry["api"]
        id_path = path.replace("/providers/Microsoft.Resources/resourceGroups", "/resourceGroups")
        entry["az"] = {"path": id_path, "data": f"{arm}@{used}", "names": self.names(data, provider, segments)}
        root = self.types[data["resources"][arm.lower()]]
        base = None
        if root["t"] == "tagged":
            base, root = root, self.types[root["of"].get(segments[-1], next(iter(root["of"].values())))]
        skip = self.overrides.path_only(token)
        self.object(entry["in"], self.owners(root, base), skip, envelope=True)

    def names(self, data: dict[str, Any], provider: str, segments: list[str]) -> dict[str, Any]:
        """{path parameter: constraints of that name} for every level of the path."""
        found = {}
        for depth, segment in enumerate(segments[1::2], 1):
            holder = data["resources"].get("/".join([provider, *segments[0 : 2 * depth : 2]]).lower())
            name = self.types[holder]["p"].get("name") if holder is not None and "p" in self.types[holder] else None
            limits = self.limits(self.types[name[0]]) if name and segment.startswith("{") else {}
            if limits:
                found[segment.strip("{}")] = limits
        return found

    def owners(self, node: dict[str, Any], base: dict[str, Any] | None = None) -> list[tuple[Any, list[str]]]:
        """As `Checker._object` of the oracle: the ARM objects whose members are this SDK object's own."""
        owners = [(node, []), *([(base, [])] if base else [])]
        inner = node.get("p", {}).get("properties", (-1, 0))[0]
        if inner >= 0 and node.get("flat") is not False and self.types[inner]["t"] in ("object", "tagged"):
            owners.append((self.types[inner], ["properties"]))
        return owners

    def object(self, name: str, owners: list[Any], skip: frozenset[str] = frozenset(), envelope: bool = False) -> None:
        entry = self.pool[name]
        if name in self.seen:
            return
        self.seen.add(name)
        checker, flat, required, read_only = self.validate.Checker(self.types), owners[0][0].get("flat"), [], []
        for key, node in entry["p"].items():
            places = [] if key in skip else checker.places([o for o in owners if "p" in o[0]], key, flat)
            if not places:
                continue
            owner, _, index, flags = min(places, key=lambda p: p[3] & 2)
            if flags & 2:
                read_only.append(key)
            elif flags & 1 and key not in entry.get("r", ()) and not (envelope and key in ("id", "name", "type")):
                inner = len(owners) > 1 and owner is owners[-1][0]
                required += [] if inner and not self.container_required(owners[0][0]) else [key]
            if index >= 0:
                self.node(node, self.types[index])
        entry["az"] = {k: v for k, v in {"r": required, "ro": read_only}.items() if v}
        if not entry["az"]:
            del entry["az"]

    @staticmethod
    def container_required(node: dict[str, Any]) -> bool:
        return bool(node["p"].get("properties", (-1, 0))[1] & 1)

    def node(self, node: dict[str, Any], azure: dict[str, Any]) -> None:
        if azure["t"] == "union":
            azure = next((self.types[i] for i in azure["of"] if self.types[i]["t"] in ("object", "enum")), azure)
        limits = self.limits(azure)
        if limits:
            node["az"] = limits
        if node["t"] in self.pool and azure["t"] == "object":
            self.object(node["t"], self.owners(azure))
        elif node["t"] in ("array", "map") and azure["t"] in ("array", "object") and ("of" in azure or "more" in azure):
            self.node(node["of"], self.types[azure.get("of", azure.get("more"))])
        elif node["t"] in ("union", *self.pool) and azure["t"] == "tagged":
            self.tagged(node, azure)

    def tagged(self, node: dict[str, Any], azure: dict[str, Any]) -> None:
        for member in node["of"] if node["t"] == "union" else [node]:
            constant = next(iter(self.pool.get(member["t"], {}).get("const", {}).values()), None)
            if constant in azure["of"]:
                self.object(member["t"], self.owners(self.types[azure["of"][constant]], azure))

    def limits(self, azure: dict[str, Any]) -> dict[str, Any]:
        found = {k: azure[k] for k in ("re", "min", "max") if k in azure and azure["t"] != "object"}
        if azure["t"] == "enum":
            found |= {"e": azure["v"], "exact": self.exact}
        return found
