"""WasmConfig → Envoy's Wasm plugin: where its module is, how it is run and what it is told.

Istio's agent fetches a module that is not a file and reads the variables ISTIO_META_WASM_*; it takes both out
before Envoy sees them. A stock Envoy has no agent: see `own_fetch`.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.core.v3.base_pb2 import AsyncDataSource, DataSource, RemoteDataSource
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.extensions.wasm.v3.wasm_pb2 import (
    EnvironmentVariables,
    FailurePolicy,
    PluginConfig,
    VmConfig,
)
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import StringValue

from miniistiod.api.istio.extensions.traffic_extension_pb2 import WasmConfig
from miniistiod.api.istio.extensions.wasm_pb2 import EnvValueSource, FailStrategy, PluginType, PullPolicy
from miniistiod.translate.traffic_extension.module_url import FILE, module_url, scheme
from miniistiod.translate.traffic_extension.plugin_json import plugin_json
from miniistiod.vocab.packing import packed

RUNTIME = "envoy.wasm.runtime.v8"
AGENT = "ISTIO_META_"
"""Begins the names of variables that are meant for Istio's agent."""

SECRET, POLICY, VERSION = (
    f"{AGENT}WASM_IMAGE_PULL_SECRET",
    f"{AGENT}WASM_IMAGE_PULL_POLICY",
    f"{AGENT}WASM_PLUGIN_RESOURCE_VERSION",
)
FETCHED_BY_AGENT = "_"
"""The name of no cluster: the agent fetches the module."""

_FETCH_TIME = Duration(seconds=30)
_FAILURE: Mapping[int, FailurePolicy] = {
    FailStrategy.FAIL_CLOSE: FailurePolicy.FAIL_CLOSED,
    FailStrategy.FAIL_OPEN: FailurePolicy.FAIL_OPEN,
    FailStrategy.FAIL_RELOAD: FailurePolicy.FAIL_RELOAD,
}


def is_network(config: WasmConfig) -> bool:
    """Whether it filters connections; otherwise it filters HTTP."""
    return config.type == PluginType.NETWORK


def wasm(config: WasmConfig, name: str, version: str, pull_secret: str = "") -> PluginConfig | None:
    """`version` tells the agent that the module may be another one; `pull_secret` is the registry's login.

    None when the url is none.
    """
    url = module_url(config.url)
    if url is None:
        return None
    told = config.plugin_config
    return PluginConfig(
        name=name,
        root_id=config.plugin_name,
        configuration=packed(StringValue(value=plugin_json(told))) if told.fields else Any(),
        vm_config=VmConfig(
            runtime=RUNTIME,
            code=_code(config, url),
            environment_variables=_environment(config, version, pull_secret),
        ),
        failure_policy=_FAILURE.get(config.fail_strategy, FailurePolicy.UNSPECIFIED),
    )


def own_fetch(plugin: PluginConfig, cluster: str) -> PluginConfig | None:
    """The same for an Envoy that has no agent and fetches the module itself, from this cluster.

    None when it cannot: it speaks no OCI, and takes nothing from afar without its hash.
    """
    made = PluginConfig()
    made.CopyFrom(plugin)
    code, variables = made.vm_config.code, made.vm_config.environment_variables
    if code.HasField("remote"):
        if scheme(code.remote.http_uri.uri) not in ("http", "https") or not code.remote.sha256:
            return None
        code.remote.http_uri.cluster = cluster
    for name in [name for name in variables.key_values if name.startswith(AGENT)]:
        del variables.key_values[name]
    if not variables.key_values and not variables.host_env_keys:
        made.vm_config.ClearField("environment_variables")
    return made


def _code(config: WasmConfig, url: str) -> AsyncDataSource:
    if scheme(url) == "file":
        return AsyncDataSource(local=DataSource(filename=config.url.removeprefix(FILE)))
    uri = HttpUri(uri=url, timeout=_FETCH_TIME, cluster=FETCHED_BY_AGENT)
    return AsyncDataSource(remote=RemoteDataSource(http_uri=uri, sha256=config.sha256))


def _environment(config: WasmConfig, version: str, pull_secret: str) -> EnvironmentVariables:
    values = {SECRET: pull_secret} if config.image_pull_secret else {}
    if config.image_pull_policy != PullPolicy.UNSPECIFIED_POLICY:
        values[POLICY] = PullPolicy.Name(config.image_pull_policy)
    values[VERSION] = version
    given = config.vm_config.env
    values |= {each.name: each.value for each in given if each.value_from == EnvValueSource.INLINE}
    hosts = [each.name for each in given if each.value_from == EnvValueSource.HOST]
    return EnvironmentVariables(key_values=values, host_env_keys=hosts)
