"""A small app, deployed as the control plane would, for the tests of what runs and what stands before it."""

import asyncio
import ssl

import httpx

from twin.home import read_json, write_json

APP = """
import http.server, json, os, signal, sys, threading, time
broken = open("broken").read() if os.path.exists("broken") else ""
if broken == "start": sys.exit("cannot start")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        sent = self.rfile.read(length).decode()
        if self.command == "POST" and sent == "die": os._exit(1)
        body = json.dumps({"build": os.path.basename(os.getcwd()), "path": self.path, "method": self.command,
            "sent": sent, "headers": {k.lower(): v for k, v in self.headers.items()},
            "environment": dict(os.environ)}).encode()
        self.send_response(503 if os.path.exists("sick") and "probe" in self.path else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD": self.wfile.write(body)
    do_GET = do_POST = do_HEAD = answer
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""


async def make_site(arm, name: str, region: str = "eastus", workers: int = 1, settings=(), identity=None, **config):
    """A plan and a web app on it; returns the app's outputs."""
    await arm.put("web:AppServicePlan", f"Microsoft.Web/serverfarms/plan-{region}", location=region,
                  sku={"name": "P0v3", "capacity": workers})
    assigned = {"type": "UserAssigned", "userAssignedIdentities": [identity]} if identity else None
    return await arm.put(
        "web:WebApp", f"Microsoft.Web/sites/{name}", location=region, kind="app,linux", identity=assigned,
        serverFarmId=arm.id(f"Microsoft.Web/serverfarms/plan-{region}"), siteConfig={
            "appCommandLine": "python app.py", "healthCheckPath": "/livez", **config,
            "appSettings": [{"name": key, "value": value} for key, value in dict(settings).items()]})


async def deploy(cloud, name: str, build: str, **files: str) -> None:
    """What the deployment endpoint does with a package."""
    folder = cloud.home.apps / name / build
    folder.mkdir(parents=True)
    for file, text in {"app.py": APP, **files}.items():
        (folder / file).write_text(text)
    site = cloud.site(name)
    await cloud.service(site).publish(cloud, site, folder, build)
    records = cloud.home.packages / name
    records.mkdir(exist_ok=True)
    write_json(records / "deployments.json", [*read_json(records / "deployments.json", []),
                                              {"id": build, "build": build, "status": 4}])


async def ask(cloud, method: str, url: str, **options) -> httpx.Response:
    """One request that trusts the twin's certificate."""
    verify = ssl.create_default_context(cafile=cloud.tls.own_ca)
    async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=20) as client:
        return await client.request(method, url, **options)


async def eventually(check, within: float = 15.0):
    """Polls an async function until it returns something true; returns that."""
    for _ in range(int(within / 0.1)):
        if found := await check():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{check} was never true within {within} s")
