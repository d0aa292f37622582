"""WasmPlugin: where its module comes from, its environment and the traffic it is for.

Source: ValidateWasmPlugin in istio's pkg/config/validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from miniistiod.api.istio.extensions.traffic_extension_pb2 import TrafficSelector, WasmConfig
from miniistiod.api.istio.extensions.wasm_pb2 import EnvValueSource, VmConfig, WasmPlugin
from miniistiod.config.objects import Object
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Complaint, Findings, Steps, at, error
from miniistiod.config.validation.selector import policy_targets

SCHEMES = ("file", "http", "https", "oci")
SHA256 = re.compile(r"[a-f0-9]{64}")
BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})|[\x00-\x1f\x7f]|://[^/]* ")
LONGEST_SECRET, LONGEST_NAME = 253, 256


def rules(one: Object[WasmPlugin]) -> Findings:
    """Everything the webhook says about a WasmPlugin."""
    plugin = one.message
    yield from policy_targets(plugin)
    yield from module(plugin, ())
    yield from ports(plugin.match)


def module(config: WasmPlugin | WasmConfig, steps: Steps) -> Findings:
    """The module and how it is run."""
    yield from at((*steps, "url"), _url(config.url))
    if config.sha256 and not SHA256.fullmatch(config.sha256):
        yield from error(
            (*steps, "sha256"), "this is no SHA-256", "write its 64 digits in lower case: `sha256sum FILE`"
        )
    if len(config.image_pull_secret) > LONGEST_SECRET:
        yield from error((*steps, "imagePullSecret"), "the name of a Secret is shorter", "write its name")
    if len(config.plugin_name) > LONGEST_NAME:
        yield from error((*steps, "pluginName"), f"more than {LONGEST_NAME} characters", "shorten it")
    yield from _environment(config.vm_config, steps)


def ports(selectors: Iterable[TrafficSelector | WasmPlugin.TrafficSelector]) -> Findings:
    """The ports an extension is for."""
    for index, match in enumerate(selectors):
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


def _environment(config: VmConfig, steps: Steps) -> Findings:
    seen: set[str] = set()
    for index, variable in enumerate(config.env):
        here = (*steps, "vmConfig", "env", index)
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
