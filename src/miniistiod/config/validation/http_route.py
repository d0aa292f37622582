"""HTTPRoute of a VirtualService: one small rule for each field, and which fields cannot stand together.

Source: validateHTTPRoute in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.virtual_service_pb2 import (
    CorsPolicy,
    HTTPDirectResponse,
    HTTPFaultInjection,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
)
from miniistiod.config.validation import headers, names, values
from miniistiod.config.validation.destinations import destination, weights
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning
from miniistiod.vocab.grpc_status import GRPC_STATUS

CORS_METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*")
)
LARGE_BODY, LARGEST_BODY = 100 * 1024, 1024 * 1024
SECOND = 1_000_000_000

ALONE = {"redirect": ("fault", "rewrite", "direct_response"), "direct_response": ("fault", "rewrite")}
"""A route that answers itself → fields that would have nothing to act on."""


def rules(route: HTTPRoute, steps: Steps, *, delegate: bool) -> Findings:
    """Everything about one HTTP route; `delegate`: its VirtualService has no hosts."""
    yield from _conflicts(route, steps, delegate)
    for index, match in enumerate(route.match):
        yield from _match(match, (*steps, "match", index))
    yield from headers.operations(route.headers, (*steps, "headers"))
    if route.HasField("cors_policy"):
        yield from _cors(route.cors_policy, (*steps, "corsPolicy"))
    if route.HasField("fault"):
        yield from _fault(route.fault, (*steps, "fault"))
    yield from _mirrors(route, steps)
    if route.HasField("redirect"):
        yield from _redirect(route, (*steps, "redirect"))
    if route.HasField("direct_response"):
        yield from _direct_response(route.direct_response, (*steps, "directResponse"))
    if route.HasField("retries"):
        yield from values.retry(route.retries, (*steps, "retries"))
    if route.HasField("rewrite"):
        yield from _rewrite(route.rewrite, (*steps, "rewrite"))
    yield from _one_authority(route, steps)
    yield from _destinations(route, steps)
    if route.HasField("timeout"):
        yield from at((*steps, "timeout"), values.duration(route.timeout))


def _conflicts(route: HTTPRoute, steps: Steps, delegate: bool) -> Findings:
    if route.HasField("delegate") and not delegate:
        for field in ("redirect", "route"):
            if route.route if field == "route" else route.HasField("redirect"):
                yield from error((*steps, field), f"{field} beside delegate", f"keep delegate or {field}")
        return
    if route.HasField("delegate"):
        message = "a VirtualService without hosts is delegated to, and cannot delegate further"
        yield from error((*steps, "delegate"), message, "add hosts, or write the route here")
    yield from _answers(route, steps)
    if route.HasField("mirror") and route.mirrors:
        yield from error((*steps, "mirrors"), "mirror beside mirrors", "move mirror into mirrors")


def _answers(route: HTTPRoute, steps: Steps) -> Findings:
    """A route sends on, redirects or answers; one of them, and only one."""
    answer = next((field for field in ALONE if route.HasField(field)), "")
    if not answer:
        if not route.route:
            yield from error(steps, "this route leads nowhere", "add route, redirect or directResponse")
        return
    present = [field for field in ALONE[answer] if route.HasField(field)]
    for field in [*present, *(["route"] if route.route else [])]:
        first, second = _json(answer), _json(field)
        yield from error((*steps, second), f"{second} beside {first}", f"keep {first} or {second}")


def _json(field: str) -> str:
    return "directResponse" if field == "direct_response" else field


def _match(match: HTTPMatchRequest, steps: Steps) -> Findings:
    for name, wanted in sorted(match.headers.items()):
        yield from at((*steps, "headers", name), headers.matched(name))
        yield from values.string_match(wanted, (*steps, "headers", name))
    for name, unwanted in sorted(match.without_headers.items()):
        yield from at((*steps, "withoutHeaders", name), headers.matched(name))
        # `*` is no regular expression, but means any value at all.
        if unwanted.regex != "*":
            yield from values.string_match(unwanted, (*steps, "withoutHeaders", name))
    yield from values.regex_match(match.uri, (*steps, "uri"))
    for field in ("scheme", "method", "authority"):
        yield from values.string_match(getattr(match, field), (*steps, field))
    for name, wanted in sorted(match.query_params.items()):
        yield from values.string_match(wanted, (*steps, "queryParams", name))
    if match.port:
        yield from at((*steps, "port"), values.port(match.port))
    yield from names.labels(match.source_labels, (*steps, "sourceLabels"))
    yield from names.gateway_names(match.gateways, (*steps, "gateways"))
    if match.source_namespace:
        yield from at((*steps, "sourceNamespace"), names.dns_label(match.source_namespace, "namespace"))


def _cors(policy: CorsPolicy, steps: Steps) -> Findings:
    for index, origin in enumerate(policy.allow_origins):
        kind = origin.WhichOneof("match_type")
        if kind is None or not getattr(origin, kind):
            message = "an allowed origin says nothing"
            yield from error(
                (*steps, "allowOrigins", index), message, 'write exact: "https://..." or a regex'
            )
        else:
            yield from values.regex_match(origin, (*steps, "allowOrigins", index))
    for index, method in enumerate(policy.allow_methods):
        if method not in CORS_METHODS:
            remedy = "write one of " + ", ".join(sorted(CORS_METHODS))
            yield from error((*steps, "allowMethods", index), f'"{method}" is no HTTP method', remedy)
    for field, given in (("allowHeaders", policy.allow_headers), ("exposeHeaders", policy.expose_headers)):
        for index, name in enumerate(given):
            yield from at((*steps, field, index), headers.cors(name))
    if policy.HasField("max_age"):
        yield from at((*steps, "maxAge"), values.duration(policy.max_age))
        if policy.max_age.nanos > 0:
            yield from error((*steps, "maxAge"), "maxAge has parts of a second", "round it to seconds")


def _fault(fault: HTTPFaultInjection, steps: Steps) -> Findings:
    if not fault.HasField("abort") and not fault.HasField("delay"):
        yield from error(steps, "a fault without abort and delay does nothing", "add abort or delay")
    if fault.HasField("abort"):
        yield from _abort(fault.abort, (*steps, "abort"))
    if fault.HasField("delay"):
        yield from _delay(fault.delay, (*steps, "delay"))


def _abort(abort: HTTPFaultInjection.Abort, steps: Steps) -> Findings:
    if abort.HasField("percentage"):
        yield from at((*steps, "percentage", "value"), values.percentage(abort.percentage))
    kind = abort.WhichOneof("error_type")
    if kind == "grpc_status" and abort.grpc_status not in GRPC_STATUS:
        remedy = "write one of " + ", ".join(GRPC_STATUS)
        yield from error((*steps, "grpcStatus"), f'"{abort.grpc_status}" is no gRPC status', remedy)
    elif kind == "http2_error":
        yield from error(
            (*steps, "http2Error"), "http2Error is not supported", "write httpStatus or grpcStatus"
        )
    elif kind == "http_status":
        yield from at((*steps, "httpStatus"), values.http_status(abort.http_status))
    elif kind is None:
        yield from warning(steps, "an abort without a status does nothing", "add httpStatus or grpcStatus")


def _delay(delay: HTTPFaultInjection.Delay, steps: Steps) -> Findings:
    if delay.HasField("percentage"):
        yield from at((*steps, "percentage", "value"), values.percentage(delay.percentage))
    if delay.HasField("fixed_delay"):
        yield from at((*steps, "fixedDelay"), values.duration(delay.fixed_delay))
    if delay.HasField("exponential_delay"):
        yield from error(
            (*steps, "exponentialDelay"), "exponentialDelay is not supported", "write fixedDelay"
        )


def _mirrors(route: HTTPRoute, steps: Steps) -> Findings:
    if route.HasField("mirror_percent"):
        here = (*steps, "mirrorPercent")
        yield from at(here, values.share(route.mirror_percent.value))
        yield from warning(
            here, "mirrorPercent is deprecated", "write mirrorPercentage: {value: ...}", "deprecated"
        )
    if route.HasField("mirror_percentage"):
        yield from at((*steps, "mirrorPercentage", "value"), values.share(route.mirror_percentage.value))
    if route.HasField("mirror"):
        yield from destination(route.mirror, (*steps, "mirror"))
    for index, mirror in enumerate(route.mirrors):
        here = (*steps, "mirrors", index)
        if not mirror.HasField("destination"):
            yield from error(here, "a mirror needs a destination", "add destination with a host")
            continue
        yield from destination(mirror.destination, (*here, "destination"))
        yield from at((*here, "percentage", "value"), values.share(mirror.percentage.value))


def _redirect(route: HTTPRoute, steps: Steps) -> Findings:
    redirect = route.redirect
    if redirect.uri and redirect.prefix_rewrite:
        yield from error((*steps, "prefixRewrite"), "uri beside prefixRewrite", "keep one of them")
    uris = [match.uri for match in route.match if match.HasField("uri")]
    if redirect.prefix_rewrite and any(uri.WhichOneof("match_type") != "prefix" for uri in uris):
        message = "prefixRewrite replaces a matched prefix, but a match of this route is not by prefix"
        yield from error((*steps, "prefixRewrite"), message, "match uri by prefix, or write uri")
    if not _says_something(redirect):
        yield from error(steps, "this redirect changes nothing", "add uri, authority, scheme or port")
    code = redirect.redirect_code
    if code and not 300 <= code <= 399:
        yield from error(
            (*steps, "redirectCode"), f"{code} does not redirect", "write 301, 302, 303, 307 or 308"
        )
    if redirect.scheme not in ("", "http", "https"):
        yield from error(
            (*steps, "scheme"), f'"{redirect.scheme}" is no scheme to redirect to', "write http or https"
        )
    if redirect.port:
        yield from at((*steps, "port"), values.port(redirect.port))


def _says_something(redirect: HTTPRedirect) -> bool:
    texts = redirect.uri or redirect.prefix_rewrite or redirect.authority or redirect.scheme
    return bool(texts) or redirect.WhichOneof("redirect_port") is not None


def _direct_response(response: HTTPDirectResponse, steps: Steps) -> Findings:
    body = response.body
    size = len(body.bytes) or len(body.string.encode())
    if size > LARGEST_BODY:
        yield from error((*steps, "body"), "the body is larger than 1 MB", "serve it from a service")
    elif size > LARGE_BODY:
        yield from warning(
            (*steps, "body"), "the body is large, and every proxy gets a copy", "serve it from a service"
        )
    yield from at((*steps, "status"), values.http_status(response.status))


def _rewrite(rewrite: HTTPRewrite, steps: Steps) -> Findings:
    by_regex = rewrite.HasField("uri_regex_rewrite")
    if rewrite.uri and by_regex:
        yield from error((*steps, "uriRegexRewrite"), "uri beside uriRegexRewrite", "keep one of them")
    elif not rewrite.uri and not by_regex and not rewrite.authority:
        yield from error(steps, "this rewrite changes nothing", "add uri, uriRegexRewrite or authority")
    elif by_regex:
        regex = rewrite.uri_regex_rewrite
        if not regex.match or not regex.rewrite:
            yield from error(
                (*steps, "uriRegexRewrite"), "match and rewrite are both needed", "add the missing one"
            )
        else:
            yield from at((*steps, "uriRegexRewrite", "match"), values.regex_syntax(regex.match))


def _one_authority(route: HTTPRoute, steps: Steps) -> Findings:
    """The host of a request can be changed in one place only."""
    changes = route.headers.request
    places: list[Steps] = [("rewrite", "authority")] if route.rewrite.authority else []
    for word, given in (("set", changes.set), ("add", changes.add)):
        places += [("headers", "request", word, name) for name in sorted(given) if headers.is_authority(name)]
    for place in places[1:]:
        message = f"the request's host is changed at {'.'.join(str(step) for step in places[0])} already"
        yield from error((*steps, *place), message, "keep one of them")


def _destinations(route: HTTPRoute, steps: Steps) -> Findings:
    for index, target in enumerate(route.route):
        here = (*steps, "route", index)
        if not target.HasField("destination"):
            yield from error(here, "there is no destination", "add destination with a host")
        else:
            yield from destination(target.destination, (*here, "destination"))
        yield from headers.operations(target.headers, (*here, "headers"))
    yield from weights([target.weight for target in route.route], (*steps, "route"))
