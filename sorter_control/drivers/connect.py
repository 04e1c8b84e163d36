"""From what a user types to a driver."""

from __future__ import annotations

from importlib.util import find_spec

from sorter_control.drivers import Plc
from sorter_control.drivers.modbus import ModbusPlc
from sorter_control.errors import SettingsError

_OPCUA = "opc.tcp://"


def driver_for(address: str) -> Plc:
    """Driver of the PLC at an address; connects at the first use.

    Args:
        address: ``HOST:PORT`` of a Modbus TCP server, or ``opc.tcp://HOST:PORT``.

    Raises:
        SettingsError: It is neither, or OPC UA is not installed.
    """
    if address.startswith(_OPCUA):
        require_opcua()
        from sorter_control.drivers.opcua import OpcUaPlc  # noqa: PLC0415 - an optional package

        return OpcUaPlc(address)
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(
            f"--plc {address}: give HOST:PORT for Modbus TCP, for example 127.0.0.1:5020,"
            f" or {_OPCUA}HOST:PORT for OPC UA"
        )
    return ModbusPlc(host, int(port))


def require_opcua() -> None:
    """Check that the package that speaks OPC UA is there.

    Raises:
        SettingsError: It is not; the message says how to get it.
    """
    if find_spec("asyncua") is None:
        raise SettingsError("OPC UA needs the package asyncua: pip install 'regrade[opcua]'")
