"""What is known of the caller → Principal: one function for each attribute, values in, matcher out.

None means that nothing of it can be enforced here and that the action allows to leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from envoy.config.rbac.v3.rbac_pb2 import Principal
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from miniistiod.translate.authorization_policy import key, metadata, trust_domain, value
from miniistiod.translate.authorization_policy.enforcement import Enforcement

SPIFFE = "spiffe://"
Attribute = Callable[[Sequence[str], Enforcement], "Principal | None"]


def any_of(principals: Sequence[Principal]) -> Principal | None:
    """One of these, even if there is but one; None of none."""
    return Principal(or_ids=Principal.Set(ids=principals)) if principals else None


def all_of(principals: Sequence[Principal]) -> Principal:
    """All of these; anybody when there is none."""
    return Principal(and_ids=Principal.Set(ids=principals or [Principal(any=True)]))


def nobody_of(principal: Principal) -> Principal:
    """Anybody but this."""
    return Principal(not_id=principal)


def _peer(name: StringMatcher) -> Principal:
    """The identity in the client certificate."""
    return Principal(authenticated=Principal.Authenticated(principal_name=name))


def peer(values: Sequence[str], where: Enforcement) -> Principal | None:
    """source.principal: DOMAIN/ns/NAMESPACE/sa/ACCOUNT."""
    names = trust_domain.principals(values, where.trust_domains)
    return any_of([_peer(value.text(name, SPIFFE)) for name in names])


def namespace(values: Sequence[str], where: Enforcement) -> Principal | None:
    """source.namespace, read from the identity; `*` stands for any part of it."""
    parts = (".*".join(map(value.quoted, v.split("*"))) for v in values)
    return any_of([_peer(value.regex(f".*/ns/{part}/.*")) for part in parts])


def service_account(values: Sequence[str], where: Enforcement) -> Principal | None:
    """source.serviceAccount: ACCOUNT of the policy's own namespace, or NAMESPACE/ACCOUNT."""
    return any_of([_peer(value.regex(_account_of(v, where.namespace))) for v in values])


def _account_of(account: str, default_namespace: str) -> str:
    first, slash, rest = account.partition("/")
    name = value.quoted(rest if slash else first)
    of_namespace = value.quoted(first if slash else default_namespace)
    return f"spiffe://.+/ns/{of_namespace}/(.+/|)sa/{name}(/.+)?"


def source_trust_domain(values: Sequence[str], where: Enforcement) -> Principal | None:
    """source.trustDomain: the first part of the identity."""
    return any_of([_peer(_of_domain(v)) for v in trust_domain.domains(values, where.trust_domains)])


def _of_domain(domain: str) -> StringMatcher:
    if domain == "*":
        return StringMatcher(prefix=SPIFFE)
    if "*" not in domain:
        return StringMatcher(prefix=f"{SPIFFE}{domain}/")
    before, _, after = domain.partition("*")
    return value.regex(f"{SPIFFE}{value.quoted(before)}[^/]*{value.quoted(after)}/.*")


def direct_ip(values: Sequence[str], where: Enforcement) -> Principal | None:
    """source.ip: who opened the connection."""
    return any_of(where.each(values, lambda v: Principal(direct_remote_ip=value.cidr(v))))


def remote_ip(values: Sequence[str], where: Enforcement) -> Principal | None:
    """remote.ip: the original client, by X-Forwarded-For or the proxy protocol."""
    return any_of(where.each(values, lambda v: Principal(remote_ip=value.cidr(v))))


def request_header(brackets: str) -> Attribute:
    """request.headers[NAME]."""

    def one(v: str, where: Enforcement) -> Principal:
        where.http_only("request.headers")
        return Principal(header=value.header(key.name(brackets), v))

    return lambda values, where: any_of(where.each(values, lambda v: one(v, where)))


def request_principal(values: Sequence[str], where: Enforcement) -> Principal | None:
    """request.auth.principal: ISSUER/SUBJECT of the verified token."""
    return where.whole(values, lambda vs: _tokens(vs, where))


def _tokens(values: Sequence[str], where: Enforcement) -> Principal:
    where.http_only("request.auth.principal")
    tokens = [_token(v) for v in values]
    return tokens[0] if len(tokens) == 1 else Principal(or_ids=Principal.Set(ids=tokens))


def _token(principal: str) -> Principal:
    issuer, subject = _issuer_and_subject(principal)
    both = (metadata.claim("iss", issuer), metadata.claim("sub", subject))
    return Principal(and_ids=Principal.Set(ids=[Principal(metadata=m) for m in both]))


def _issuer_and_subject(principal: str) -> tuple[StringMatcher, StringMatcher]:
    """The last slash parts the two, for an issuer may be a URL. Without one a wildcard covers the other."""
    issuer, slash, subject = principal.rpartition("/")
    if principal == "*":
        return value.ANYTHING, value.ANYTHING
    if principal.startswith("*"):
        if not slash:
            return value.ANYTHING, StringMatcher(suffix=principal[1:])
        return _suffix_or_anything(issuer), StringMatcher(exact=subject)
    if principal.endswith("*"):
        if not slash:
            return StringMatcher(prefix=principal[:-1]), value.ANYTHING
        return StringMatcher(exact=issuer), _prefix_or_anything(subject)
    return StringMatcher(exact=issuer if slash else principal), StringMatcher(exact=subject if slash else "")


def _suffix_or_anything(pattern: str) -> StringMatcher:
    return value.ANYTHING if pattern == "*" else StringMatcher(suffix=pattern.removeprefix("*"))


def _prefix_or_anything(pattern: str) -> StringMatcher:
    return value.ANYTHING if pattern == "*" else StringMatcher(prefix=pattern.removesuffix("*"))


def request_claim(brackets: str, name: str) -> Attribute:
    """request.auth.claims[A][B], request.auth.audiences (aud) and request.auth.presenter (azp)."""

    def claims(values: Sequence[str], where: Enforcement) -> Principal:
        where.http_only(name)
        return Principal(metadata=metadata.claims(key.path(brackets), values))

    return lambda values, where: where.whole(values, lambda vs: claims(vs, where))
