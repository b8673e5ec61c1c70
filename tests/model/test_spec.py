"""The table of key specs and the enums, against AWS's model and the Developer Guide's key spec reference."""

from enum import StrEnum

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from strongroom.model.spec import (
    DATA_KEY_BYTES,
    SPECS,
    CustomerMasterKeySpec,
    DataKeySpec,
    EncryptionAlgorithm,
    KeyManager,
    KeySpec,
    KeyUsage,
    Origin,
)
from strongroom.model.state import KeyState

MODEL = ServiceModel(Loader().load_service_model("kms", "service-2", "2014-11-01"))

ENUMS: dict[str, type[StrEnum]] = {
    "KeySpec": KeySpec,
    "CustomerMasterKeySpec": CustomerMasterKeySpec,
    "KeyUsageType": KeyUsage,
    "OriginType": Origin,
    "KeyManagerType": KeyManager,
    "KeyState": KeyState,
    "EncryptionAlgorithmSpec": EncryptionAlgorithm,
    "DataKeySpec": DataKeySpec,
}


@pytest.mark.parametrize("name", ENUMS)
def test_enums_are_awss(name: str) -> None:
    """Every value of the model is there and no other, each named as it is written."""
    enum = ENUMS[name]
    assert {item.value for item in enum} == set(MODEL.shape_for(name).enum)


# AWS KMS Developer Guide, "Key spec reference": usages, default usage, encryption algorithms, bytes of raw material.
ROWS = {
    KeySpec.SYMMETRIC_DEFAULT: (
        {KeyUsage.ENCRYPT_DECRYPT},
        KeyUsage.ENCRYPT_DECRYPT,
        {EncryptionAlgorithm.SYMMETRIC_DEFAULT},
        32,
    ),
}


def test_specs_are_those_of_the_reference() -> None:
    """Each spec that can be created has the usages, algorithms and material size that AWS documents."""
    own = {
        spec: (set(row.usages), row.default_usage, set(row.encryption_algorithms), row.material_bytes)
        for spec, row in SPECS.items()
    }
    assert own == ROWS


def test_sizes_of_data_keys() -> None:
    """A data key is as long as its cipher's key."""
    assert {spec.value: size for spec, size in DATA_KEY_BYTES.items()} == {"AES_128": 16, "AES_256": 32}
