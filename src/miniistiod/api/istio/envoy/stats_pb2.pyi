import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COUNTER: _ClassVar[MetricType]
    GAUGE: _ClassVar[MetricType]
    HISTOGRAM: _ClassVar[MetricType]

class Reporter(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNSPECIFIED: _ClassVar[Reporter]
    SERVER_GATEWAY: _ClassVar[Reporter]
COUNTER: MetricType
GAUGE: MetricType
HISTOGRAM: MetricType
UNSPECIFIED: Reporter
SERVER_GATEWAY: Reporter

class MetricConfig(_message.Message):
    __slots__ = ("dimensions", "name", "tags_to_remove", "match", "drop")
    class DimensionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TAGS_TO_REMOVE_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    dimensions: _containers.ScalarMap[str, str]
    name: str
    tags_to_remove: _containers.RepeatedScalarFieldContainer[str]
    match: str
    drop: bool
    def __init__(self, dimensions: _Optional[_Mapping[str, str]] = ..., name: _Optional[str] = ..., tags_to_remove: _Optional[_Iterable[str]] = ..., match: _Optional[str] = ..., drop: _Optional[bool] = ...) -> None: ...

class MetricDefinition(_message.Message):
    __slots__ = ("name", "value", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    type: MetricType
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., type: _Optional[_Union[MetricType, str]] = ...) -> None: ...

class PluginConfig(_message.Message):
    __slots__ = ("debug", "max_peer_cache_size", "stat_prefix", "field_separator", "value_separator", "disable_host_header_fallback", "tcp_reporting_duration", "metrics", "definitions", "reporter", "rotation_interval", "graceful_deletion_interval")
    DEBUG_FIELD_NUMBER: _ClassVar[int]
    MAX_PEER_CACHE_SIZE_FIELD_NUMBER: _ClassVar[int]
    STAT_PREFIX_FIELD_NUMBER: _ClassVar[int]
    FIELD_SEPARATOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_SEPARATOR_FIELD_NUMBER: _ClassVar[int]
    DISABLE_HOST_HEADER_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    TCP_REPORTING_DURATION_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DEFINITIONS_FIELD_NUMBER: _ClassVar[int]
    REPORTER_FIELD_NUMBER: _ClassVar[int]
    ROTATION_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    GRACEFUL_DELETION_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    debug: bool
    max_peer_cache_size: int
    stat_prefix: str
    field_separator: str
    value_separator: str
    disable_host_header_fallback: bool
    tcp_reporting_duration: _duration_pb2.Duration
    metrics: _containers.RepeatedCompositeFieldContainer[MetricConfig]
    definitions: _containers.RepeatedCompositeFieldContainer[MetricDefinition]
    reporter: Reporter
    rotation_interval: _duration_pb2.Duration
    graceful_deletion_interval: _duration_pb2.Duration
    def __init__(self, debug: _Optional[bool] = ..., max_peer_cache_size: _Optional[int] = ..., stat_prefix: _Optional[str] = ..., field_separator: _Optional[str] = ..., value_separator: _Optional[str] = ..., disable_host_header_fallback: _Optional[bool] = ..., tcp_reporting_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., metrics: _Optional[_Iterable[_Union[MetricConfig, _Mapping]]] = ..., definitions: _Optional[_Iterable[_Union[MetricDefinition, _Mapping]]] = ..., reporter: _Optional[_Union[Reporter, str]] = ..., rotation_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., graceful_deletion_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
