//! Fixed keys and signatures, in hex.

/// RFC 7515, appendix A.2: the key.
pub(super) const RS256_KEY: &str = "\
    30820122300d06092a864886f70d01010105000382010f003082010a0282010100a1f8160ae2e3c9b465ce8d2d\
    656263362b927dbe29e1f02477fc1625cc90a136e38bd93497c5b6ea63dd7711e67c7429f956b0fb8a8f089adc\
    4b69893cc1333f53edd019b87784252fec914fe4857769594bea4280d32c0f55bf62944f130396bc6e9bdf6ebd\
    d2bda3678eeca0c668f701b38dbffb38c8342ce2fe6d27fade4a5a4874979dd4b9cf9adec4c75b05852c2c0f5e\
    f8a5c1750392f944e8ed64c110c6b647609aa4783aeb9c6c9ad755313050638b83665c6f6f7a82a396702a1f64\
    1b82d3ebf2392219491fb686872c5716f50af8358d9a8b9d17c340728f7f87d89a18d8fcab67ad84590c2ecf75\
    9339363c07034d6f606f9e21e05456cae5e9a10203010001";

/// RFC 7515, appendix A.2: the signature.
pub(super) const RS256_SIGNATURE: &str = "\
    702e218943e88fd11eb5d82dbf7845f34106ae1b81fff7731116add1717d83656d420afd3c96eedd73a2663e51\
    66687b000b87226e0187ed1073f945e582adfcef16d85a798ee8c66ddb3db8975b17d09402beedd5d9d9700710\
    8db28160d5f8040ca7445762b81fbe7ff9d92e0ae76f24f25b33bbe6f44ae61eb1040acb20044d3ef9128ed401\
    30795bd4bd3b41eecad066ab651981fde48df77f372dc38b9fafdd3befb18b5da3cc3c2eb02f9e3a41d612caad\
    15911273a05f23b9e838faaf849d698429ef5a1e88798236c3d40e604522a544c8f27a7a2db80663d16cf7caea\
    56de405cb2215a45b2c25566b55ac1a748a070dfc8a32a469543d019eefb47";

/// RFC 7515, appendix A.2: the signing input.
pub(super) const RS256_MESSAGE: &str = "\
    eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
    mNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 7515, appendix A.3: the key.
pub(super) const ES256_KEY: &str = "\
    3059301306072a8648ce3d020106082a8648ce3d030107034200047fcdce2770f6c45d4183cbee6fdb4b7b5807\
    33357be9ef13bacf6e3c7bd15445c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5\
    ad";

/// RFC 7515, appendix A.3: the signature, in ASN.1.
pub(super) const ES256_SIGNATURE: &str = "\
    304502200ed1215379636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea665022100c50a07d38c3c\
    70e5d8f12daf084a5480a66590c5f293509a8f3f7f8a83a354d5";

/// RFC 7515, appendix A.3: the signing input.
pub(super) const ES256_MESSAGE: &str = "\
    eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
    mNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 8037, appendix A.4: the key.
pub(super) const EDDSA_KEY: &str = "\
    302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// RFC 8037, appendix A.4: the signature.
pub(super) const EDDSA_SIGNATURE: &str = "\
    860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e9d59b8628dc351e248b88b2946\
    8e0e41855b0fb7d83bb15be902bfccb8cd0a02";

/// RFC 8037, appendix A.4: the signing input.
pub(super) const EDDSA_MESSAGE: &str = "\
    eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";

/// An RSA key of 1024 bits, which is too short.
pub(super) const SHORT_KEY: &str = "\
    30819f300d06092a864886f70d010101050003818d0030818902818100cf9333e977e378fce84e0b3abd5adfc6\
    4595c673ebf74830b15a586e326d4defc17ba9e62c81fb5aef86b550e3944423d72f9f29774a16729e88ac0049\
    651f464f583d9c30d0e2de32f430df6bb169bac2bcbd7c158da19f801ac6ee1e08c81cbd6b27f47697b1743e18\
    5b368dd9a8c92c786c7e94b8e4a71bdbbb7c1c2506b90203010001";

/// Its true signature of `message`, PKCS#1 v1.5 with SHA-256.
pub(super) const SHORT_SIGNATURE: &str = "\
    2ebd0e8e496130b6763f87475fc67e7c9454d26538b44db6765b58ccc05a867e5fa8a0f8249d424a7db0f3e2f6\
    263ede93e7ddf25ba3397721f64967658677bd5bb59cc24399069f9d50bb23aa69b2319fde4ac3f6d5aa73ab27\
    fdf104c1fe14cdb71d62a6e6b9c988bddcc9f5a95b2945056e6d2f00a99d11c36efdf1d7802b";
