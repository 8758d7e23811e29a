"""Odd options of connection strings, whose values must not leak."""

SECRET = "S3CRET"  # noqa: S105 (not a secret)

# PyMongo ignores these with a warning that shows the value.
IGNORED = [
    f"readPreference={SECRET}",
    f"compressors={SECRET}",
    f"compressors=zlib,{SECRET}",
    f"zlibCompressionLevel={SECRET}",
    f"authMechanism={SECRET}",
    f"authMechanismProperties={SECRET}",
    f"authMechanismProperties=SERVICE_NAME:a,{SECRET}:b",
    f"maxPoolSize={SECRET}",
    f"maxIdleTimeMS={SECRET}",
    f"socketTimeoutMS={SECRET}",
    f"waitQueueTimeoutMS=-{SECRET}",
    f"localThresholdMS={SECRET}",
    f"maxStalenessSeconds={SECRET}",
    f"directConnection={SECRET}",
    f"loadBalanced={SECRET}",
    f"retryReads={SECRET}",
    f"uuidRepresentation={SECRET}",
    f"unicode_decode_error_handler={SECRET}",
    f"serverMonitoringMode={SECRET}",
    f"srvMaxHosts={SECRET}",
    f"tls={SECRET}",
    f"tlsInsecure={SECRET}",
    f"journal={SECRET}",
    f"wTimeoutMS={SECRET}",
    f"readPreference=primary&readPreferenceTags={SECRET}",
    f"unknown={SECRET}",
    f"{SECRET}=1",
    f"unknown={SECRET}&unknown={SECRET}",
]

# PyMongo refuses these with an exception whose text shows the value.
REFUSED = [
    f"datetime_conversion={SECRET}",
    f"tlsCAFile=/{SECRET}",
    f"tls=true&tlsCertificateKeyFile=/{SECRET}",
    f"authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:{SECRET}",
    f"authMechanismProperties=AWS_SESSION_TOKEN={SECRET}",
    f"authMechanism=GSSAPI&authMechanismProperties=CANONICALIZE_HOST_NAME:{SECRET}",
    f"loadBalanced=true&replicaSet={SECRET}",
    f"authSource={SECRET}&{SECRET}",
]
