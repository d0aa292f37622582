"""TrafficExtensions and WasmPlugins that select nobody, or whose module a stock Envoy cannot have."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.selections import selecting_none
from miniistiod.analysis.world import World
from miniistiod.api.istio.extensions.traffic_extension_pb2 import TrafficExtension, WasmConfig
from miniistiod.api.istio.extensions.wasm_pb2 import FailStrategy, WasmPlugin
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.translate.traffic_extension.module_url import module_url, scheme


def analyser(world: World) -> Iterator[Diagnostic]:
    """All of them."""
    for plugin in world.store.of(WasmPlugin):
        yield from selecting_none(plugin, "spec.selector", world)
        yield from out_of_reach(plugin, plugin.message, "spec")
        yield from no_login(plugin, plugin.message, "spec")
    for extension in world.store.of(TrafficExtension):
        yield from selecting_none(extension, "spec.selector", world)
        if extension.message.HasField("wasm"):
            yield from out_of_reach(extension, extension.message.wasm, "spec.wasm")
            yield from no_login(extension, extension.message.wasm, "spec.wasm")


def out_of_reach(
    one: Object[WasmPlugin] | Object[TrafficExtension], config: WasmConfig | WasmPlugin, path: str
) -> Iterator[Diagnostic]:
    """Istio's agent fetches images and unhashed modules; an Envoy without an agent can do neither."""
    fetched = scheme(module_url(config.url) or "file:")
    cause = {"oci": "a stock Envoy cannot fetch a module out of an image"}.get(fetched)
    if fetched in ("http", "https") and not config.sha256:
        cause = "a stock Envoy fetches a module only if it knows its hash"
    if cause is None:
        return
    open_ = config.fail_strategy == FailStrategy.FAIL_OPEN
    yield message(
        WARNING,
        "module-out-of-reach",
        one,
        f"{path}.url",
        cause,
        "only proxies with Istio's agent run it; others "
        + ("let everything pass, as failStrategy says" if open_ else "refuse everything (403)"),
        "write https://... with sha256, or file:///... where the file is on the proxy's own disk",
    )


def no_login(
    one: Object[WasmPlugin] | Object[TrafficExtension], config: WasmConfig | WasmPlugin, path: str
) -> Iterator[Diagnostic]:
    """The login of a registry is handed to nobody, and Istio's agent does not try without it."""
    if config.image_pull_secret:
        yield message(
            WARNING,
            "no-registry-login",
            one,
            f"{path}.imagePullSecret",
            "mini-istiod hands the login of a registry to nobody",
            "Istio's agent does not fetch the module",
            "put the module where no login is needed",
        )
