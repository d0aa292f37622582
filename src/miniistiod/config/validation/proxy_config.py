"""ProxyConfig: a selector and a number of threads.

Source: ValidateProxyConfig in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.proxy_config_pb2 import ProxyConfig
from miniistiod.config.objects import Object
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Findings, at
from miniistiod.config.validation.selector import workload_selector


def rules(one: Object[ProxyConfig]) -> Findings:
    """Everything the webhook says about a ProxyConfig."""
    if one.message.HasField("selector"):
        yield from workload_selector(one.message.selector, ("selector",))
    yield from at(("concurrency",), values.not_negative(one.message.concurrency.value))
