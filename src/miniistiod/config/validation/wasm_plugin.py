"""WasmPlugin: where its module comes from, its environment and the traffic it is for.

Source: ValidateWasmPlugin in istio's pkg/config/validation.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from miniistiod.api.istio.extensions.wasm_pb2 import EnvValueSource, VmConfig, WasmPlugin
from miniistiod.config.objects import Object
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Complaint, Findings, at, error
from miniistiod.config.validation.selector import policy_targets

SCHEMES = ("file", "http", "https", "oci")
SHA256 = re.compile(r"[a-f0-9]{64}")
BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})|[\x00-\x20]")
LONGEST_SECRET, LONGEST_NAME = 253, 256


def rules(one: Object[WasmPlugin]) -> Findings:
    """Everything the webhook says about a WasmPlugin."""
    plugin = one.message
    yield from policy_targets(plugin)
    yield from at(("url",), _url(plugin.url))
    if plugin.sha256 and not SHA256.fullmatch(plugin.sha256):
        yield from error(
            ("sha256",), "this is no SHA-256", "write its 64 digits in lower case: `sha256sum FILE`"
        )
    if len(plugin.image_pull_secret) > LONGEST_SECRET:
        yield from error(("imagePullSecret",), "the name of a Secret is shorter", "write its name")
    if len(plugin.plugin_name) > LONGEST_NAME:
        yield from error(("pluginName",), f"more than {LONGEST_NAME} characters", "shorten it")
    yield from _environment(plugin.vm_config)
    for index, match in enumerate(plugin.match):
        for number, port in enumerate(match.ports):
            yield from at(("match", index, "ports", number, "number"), values.port(port.number))


def _url(url: str) -> Complaint | None:
    """An address with or without a scheme; without one it is an image."""
    if not url:
        return Complaint("the plugin has no url", "write oci://IMAGE, https://... or file:///PATH")
    remedy = "write one of " + ", ".join(f"{scheme}://..." for scheme in SCHEMES)
    if BAD_ESCAPE.search(url):
        return Complaint(f'"{url}" is no address', remedy)
    try:
        scheme = urlsplit(url).scheme if "://" in url else ""
    except ValueError:
        return Complaint(f'"{url}" is no address', remedy)
    return None if scheme in ("", *SCHEMES) else Complaint(f"nothing can be fetched by {scheme}:", remedy)


def _environment(config: VmConfig) -> Findings:
    seen: set[str] = set()
    for index, variable in enumerate(config.env):
        here = ("vmConfig", "env", index)
        if not variable.name:
            yield from error(here, "the variable has no name", "add name")
        elif len(variable.name) > LONGEST_NAME:
            yield from error((*here, "name"), f"more than {LONGEST_NAME} characters", "shorten it")
        elif variable.name in seen:
            yield from error((*here, "name"), f"there is a {variable.name} already", "keep one of them")
        seen.add(variable.name)
        if variable.value_from != EnvValueSource.INLINE and variable.value:
            message = "a value for a variable that comes from the host"
            yield from error((*here, "value"), message, "remove value, or valueFrom")
