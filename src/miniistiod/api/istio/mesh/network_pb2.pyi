from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Network(_message.Message):
    __slots__ = ("endpoints", "gateways")
    class NetworkEndpoints(_message.Message):
        __slots__ = ("from_cidr", "from_registry")
        FROM_CIDR_FIELD_NUMBER: _ClassVar[int]
        FROM_REGISTRY_FIELD_NUMBER: _ClassVar[int]
        from_cidr: str
        from_registry: str
        def __init__(self, from_cidr: _Optional[str] = ..., from_registry: _Optional[str] = ...) -> None: ...
    class IstioNetworkGateway(_message.Message):
        __slots__ = ("registry_service_name", "address", "port", "locality")
        REGISTRY_SERVICE_NAME_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        PORT_FIELD_NUMBER: _ClassVar[int]
        LOCALITY_FIELD_NUMBER: _ClassVar[int]
        registry_service_name: str
        address: str
        port: int
        locality: str
        def __init__(self, registry_service_name: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., locality: _Optional[str] = ...) -> None: ...
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    endpoints: _containers.RepeatedCompositeFieldContainer[Network.NetworkEndpoints]
    gateways: _containers.RepeatedCompositeFieldContainer[Network.IstioNetworkGateway]
    def __init__(self, endpoints: _Optional[_Iterable[_Union[Network.NetworkEndpoints, _Mapping]]] = ..., gateways: _Optional[_Iterable[_Union[Network.IstioNetworkGateway, _Mapping]]] = ...) -> None: ...

class MeshNetworks(_message.Message):
    __slots__ = ("networks",)
    class NetworksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Network
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Network, _Mapping]] = ...) -> None: ...
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    networks: _containers.MessageMap[str, Network]
    def __init__(self, networks: _Optional[_Mapping[str, Network]] = ...) -> None: ...
