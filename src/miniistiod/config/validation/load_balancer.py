"""LoadBalancerSettings: hashing, warm-up, and the localities of distribution and failover.

Source: validateLoadBalancer and ValidateLocalityLbSetting in istio's pkg/config/validation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from miniistiod.api.istio.networking.destination_rule_pb2 import (
    LoadBalancerSettings,
    LocalityLoadBalancerSetting,
    WarmupConfiguration,
    ZoneAwareLoadBalancerSetting,
)
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning

LARGEST_MAGLEV = 5_000_011
TOPOLOGY = frozenset(
    ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")
)

ConsistentHash = LoadBalancerSettings.ConsistentHashLB


def load_balancer(settings: LoadBalancerSettings, steps: Steps, *, ejects: bool) -> Findings:
    """How to choose an endpoint; `ejects`: the same policy has outlier detection, which failover needs."""
    if settings.HasField("consistent_hash"):
        yield from _consistent_hash(settings.consistent_hash, (*steps, "consistentHash"))
    if settings.HasField("locality_lb_setting") and settings.HasField("zone_aware_lb_setting"):
        message = "localityLbSetting beside zoneAwareLbSetting"
        yield from error((*steps, "zoneAwareLbSetting"), message, "keep one of them")
    if settings.HasField("locality_lb_setting"):
        yield from locality(settings.locality_lb_setting, (*steps, "localityLbSetting"), ejects=ejects)
    if settings.HasField("zone_aware_lb_setting"):
        yield from zone_aware(settings.zone_aware_lb_setting, (*steps, "zoneAwareLbSetting"), ejects=ejects)
    if settings.HasField("warmup"):
        yield from _warmup(settings.warmup, (*steps, "warmup"))


def _consistent_hash(given: ConsistentHash, steps: Steps) -> Findings:
    if given.HasField("http_cookie"):
        yield from _cookie(given.http_cookie, (*steps, "httpCookie"))
    if given.minimum_ring_size:
        here = (*steps, "minimumRingSize")
        remedy = "write ringHash: {minimumRingSize: ...}"
        yield from warning(here, "minimumRingSize is deprecated here", remedy, "deprecated")
        if given.WhichOneof("hash_algorithm"):
            yield from error(here, "minimumRingSize beside ringHash or maglev", "keep ringHash or maglev")
    if given.HasField("maglev"):
        size = given.maglev.table_size
        if not _is_prime(size) or size >= LARGEST_MAGLEV:
            message = f"{size} entries: the table of Maglev needs a prime number below {LARGEST_MAGLEV}"
            yield from error(
                (*steps, "maglev", "tableSize"), message, "write 65537, which is Envoy's own default"
            )


def _cookie(cookie: ConsistentHash.HTTPCookie, steps: Steps) -> Findings:
    if not cookie.name:
        yield from error(steps, "the cookie needs a name", "add name")
    seen: set[str] = set()
    for index, attribute in enumerate(cookie.attributes):
        here = (*steps, "attributes", index, "name")
        if not attribute.name:
            yield from error(here, "the attribute needs a name", "write SameSite, Domain, ...")
        elif attribute.name in seen:
            yield from error(here, f"there is an attribute {attribute.name} already", "keep one of them")
        seen.add(attribute.name)


def _is_prime(number: int) -> bool:
    """As Envoy decides it, for whom 1 is one."""
    if 0 < number < 4:
        return True
    return number % 2 == 1 and all(number % factor for factor in range(3, math.isqrt(number) + 1, 2))


def _warmup(warmup: WarmupConfiguration, steps: Steps) -> Findings:
    if not warmup.HasField("duration"):
        yield from error(steps, "duration is missing", "add duration: 30s")
    else:
        yield from at((*steps, "duration"), values.duration(warmup.duration))
    if warmup.minimum_percent.value > 100:
        yield from error((*steps, "minimumPercent"), "more than 100 percent", "write 100 or less")
    if warmup.HasField("aggression") and warmup.aggression.value <= 0:
        yield from error(
            (*steps, "aggression"), "aggression has to be above 0", "write 1 for a straight line"
        )


def locality(setting: LocalityLoadBalancerSetting, steps: Steps, *, ejects: bool) -> Findings:
    """Distribution by weights or failover by order, never both."""
    if setting.distribute and setting.failover:
        yield from error((*steps, "failover"), "distribute beside failover", "keep one of them")
        return
    mixed = [label for label in setting.failover_priority if setting.failover and label in TOPOLOGY]
    if mixed:
        message = f"failover beside {mixed[0]} in failoverPriority: both order the localities"
        yield from error((*steps, "failoverPriority"), message, "keep one of them")
        return
    for index, distribute in enumerate(setting.distribute):
        here = (*steps, "distribute", index, "to")
        weights = dict(sorted(distribute.to.items()))
        if any(not 1 <= weight <= 100 for weight in weights.values()) or sum(weights.values()) != 100:
            message = f"the weights {', '.join(map(str, weights.values()))} do not sum to 100"
            yield from error(here, message, "write weights from 1 to 100 that sum to 100")
            return
        yield from _localities(weights, here)
    yield from _localities([getattr(one, "from") for one in setting.distribute], (*steps, "distribute"))
    yield from _failover(setting, steps, ejects)


def _failover(
    setting: LocalityLoadBalancerSetting | ZoneAwareLoadBalancerSetting, steps: Steps, ejects: bool
) -> Findings:
    if (setting.failover or setting.failover_priority) and not ejects:
        message = "failover without outlierDetection: Envoy never finds out that a locality fails"
        yield from warning(steps, message, "add outlierDetection to the same trafficPolicy")
    for index, failover in enumerate(setting.failover):
        here = (*steps, "failover", index)
        origin, target = getattr(failover, "from"), str(getattr(failover, "to"))  # noqa: B009
        if origin == target:
            yield from error(here, f"from {origin} to {target} leads nowhere else", "name two regions")
        if "/" in origin + target:
            yield from error(here, "failover is between regions", "write the regions without zones")
        if "*" in origin + target:
            yield from error(here, "* is no region", "write the name of each region")


def zone_aware(setting: ZoneAwareLoadBalancerSetting, steps: Steps, *, ejects: bool) -> Findings:
    """Failover of regions only; zones are Envoy's own affair."""
    for index, label in enumerate(setting.failover_priority):
        if label in TOPOLOGY:
            message = f"{label} is what zone-aware balancing goes by anyway"
            yield from error((*steps, "failoverPriority", index), message, "remove it")
    yield from _failover(setting, steps, ejects)


def _localities(given: Iterable[str], steps: Steps) -> Findings:
    """Localities `region/zone/subzone`, where a shorter one or `*` takes all below it: none may overlap."""
    seen: list[tuple[str, ...]] = []
    for text in given:
        parts = tuple(text.split("/", 2))
        if text.count("*") > 1 or ("*" in text and not text.endswith("*")):
            yield from error(
                steps, f'"{text}" has a * elsewhere than at its end', "write region/*, or region/zone/*"
            )
            return
        if not all(parts):
            yield from error(
                steps, f'"{text}" has an empty part', "write region, region/zone or region/zone/subzone"
            )
            return
        if any(_overlap(parts, other) for other in seen):
            yield from error(
                steps, f'"{text}" overlaps with an earlier one', "keep the narrower or the wider one"
            )
            return
        seen.append(parts)


def _overlap(parts: tuple[str, ...], earlier: tuple[str, ...]) -> bool:
    """Whether the earlier one takes all of this one; or this one, without `*`, all of the earlier one.

    istiod lets `a/*` follow `a/b`, though not the other way round.
    """
    wide = earlier[:-1] if earlier[-1] == "*" else earlier
    if parts[: len(wide)] == wide:
        return True
    return parts[-1] != "*" and earlier[: len(parts)] == parts
