"""The certificate that a proxy's file names."""

from tests.scale.certificates import certificate as certificate
