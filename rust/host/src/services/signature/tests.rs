//! The foreign functions as a guest calls them.

use std::time::Instant;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaKeyPair,
    RsaSignatureEncoding,
};

use crate::services::signature::keys::KeyCache;
use crate::services::signature::vectors::{
    EDDSA_KEY, EDDSA_MESSAGE, EDDSA_SIGNATURE, ES256_KEY, ES256_MESSAGE, ES256_SIGNATURE,
    RS256_KEY, RS256_MESSAGE, RS256_SIGNATURE, SHORT_KEY, SHORT_SIGNATURE,
};
use crate::services::signature::{verify, verify_jws};

const TRUE: &[u8] = b"\x08\x01";
const MESSAGE: &[u8] = b"message";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn arguments(fields: [&[u8]; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, field) in (1_u8..).zip(fields) {
        out.push(number << 3 | 2);
        let mut length = field.len();
        while length > 0x7f {
            out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        out.push(u8::try_from(length).unwrap());
        out.extend(field);
    }
    out
}

fn envoy(key: &[u8], message: &[u8], signature: &[u8], hash: &str) -> Vec<u8> {
    let args = arguments([hash.as_bytes(), key, signature, message]);
    verify(&args, &KeyCache::default())
}

fn own(algorithm: &str, key: &[u8], message: &[u8], signature: &[u8]) -> Vec<u8> {
    let args = arguments([algorithm.as_bytes(), key, message, signature]);
    verify_jws(&args, &KeyCache::default())
}

fn refusal(answer: &[u8]) -> String {
    assert_eq!(answer[0], 2 << 3 | 2, "a result with an error text alone");
    String::from_utf8(answer[2..].to_vec()).unwrap()
}

fn rsa_signed(encoding: &'static RsaSignatureEncoding) -> (Vec<u8>, Vec<u8>) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), MESSAGE, &mut signature).unwrap();
    (pair.public_key().as_der().unwrap().as_ref().to_vec(), signature)
}

fn ecdsa_signed(algorithm: &'static EcdsaSigningAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let signature = pair.sign(&SystemRandom::new(), MESSAGE).unwrap();
    (pair.public_key().as_der().unwrap().as_ref().to_vec(), signature.as_ref().to_vec())
}

fn ed25519_signed() -> (Vec<u8>, Vec<u8>) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = pair.public_key().as_der().unwrap().as_ref().to_vec();
    (key, pair.sign(MESSAGE).as_ref().to_vec())
}

#[test]
fn the_rs256_example_of_rfc_7515_verifies() {
    let answer = envoy(&hex(RS256_KEY), RS256_MESSAGE.as_bytes(), &hex(RS256_SIGNATURE), "sha256");
    assert_eq!(answer, TRUE);
}

#[test]
fn the_es256_example_of_rfc_7515_verifies() {
    let answer = envoy(&hex(ES256_KEY), ES256_MESSAGE.as_bytes(), &hex(ES256_SIGNATURE), "sha256");
    assert_eq!(answer, TRUE);
}

#[test]
fn the_eddsa_example_of_rfc_8037_verifies() {
    let answer = own("EdDSA", &hex(EDDSA_KEY), EDDSA_MESSAGE.as_bytes(), &hex(EDDSA_SIGNATURE));
    assert_eq!(answer, TRUE);
}

#[test]
fn rsa_verifies_with_each_hash() {
    let answers = [
        (&aws::RSA_PKCS1_SHA256, "sha256"),
        (&aws::RSA_PKCS1_SHA384, "SHA384"),
        (&aws::RSA_PKCS1_SHA512, "sha512"),
    ]
    .map(|(encoding, hash)| {
        let (key, signature) = rsa_signed(encoding);
        envoy(&key, MESSAGE, &signature, hash)
    });
    assert_eq!(answers, [TRUE; 3]);
}

#[test]
fn ecdsa_verifies_on_each_curve() {
    let answers = [
        (&aws::ECDSA_P256_SHA256_ASN1_SIGNING, "sha256"),
        (&aws::ECDSA_P384_SHA384_ASN1_SIGNING, "sha384"),
        (&aws::ECDSA_P521_SHA512_ASN1_SIGNING, "sha512"),
    ]
    .map(|(algorithm, hash)| {
        let (key, signature) = ecdsa_signed(algorithm);
        envoy(&key, MESSAGE, &signature, hash)
    });
    assert_eq!(answers, [TRUE; 3]);
}

#[test]
fn pss_verifies_with_each_hash() {
    let answers = [
        (&aws::RSA_PSS_SHA256, "PS256"),
        (&aws::RSA_PSS_SHA384, "PS384"),
        (&aws::RSA_PSS_SHA512, "PS512"),
    ]
    .map(|(encoding, name)| {
        let (key, signature) = rsa_signed(encoding);
        own(name, &key, MESSAGE, &signature)
    });
    assert_eq!(answers, [TRUE; 3]);
}

#[test]
fn another_message_is_refused() {
    let refusals =
        [rsa_signed(&aws::RSA_PKCS1_SHA256), ecdsa_signed(&aws::ECDSA_P256_SHA256_ASN1_SIGNING)]
            .map(|(key, signature)| refusal(&envoy(&key, b"massage", &signature, "sha256")));
    assert_eq!(refusals, ["the signature is not valid for this key"; 2]);
}

#[test]
fn a_tampered_eddsa_signature_is_refused() {
    let (key, mut signature) = ed25519_signed();
    signature[5] ^= 1;
    let answer = own("EdDSA", &key, MESSAGE, &signature);
    assert_eq!(refusal(&answer), "the signature is not valid for this key");
}

#[test]
fn a_pss_signature_is_no_pkcs1_signature() {
    let (key, signature) = rsa_signed(&aws::RSA_PSS_SHA256);
    let answer = envoy(&key, MESSAGE, &signature, "sha256");
    assert_eq!(refusal(&answer), "the signature is not valid for this key");
}

#[test]
fn an_empty_signature_is_refused() {
    let answer = envoy(&hex(RS256_KEY), RS256_MESSAGE.as_bytes(), b"", "sha256");
    assert_eq!(refusal(&answer), "the signature is not valid for this key");
}

#[test]
fn rsa_of_1024_bits_is_refused() {
    let answer = envoy(&hex(SHORT_KEY), MESSAGE, &hex(SHORT_SIGNATURE), "sha256");
    assert!(!refusal(&answer).is_empty());
}

#[test]
fn sha1_is_refused() {
    let answer = envoy(&hex(RS256_KEY), RS256_MESSAGE.as_bytes(), &hex(RS256_SIGNATURE), "sha1");
    assert!(refusal(&answer).starts_with("the hash function is not one of"));
}

#[test]
fn a_key_of_another_kind_than_the_algorithm_is_refused() {
    let answer = own("PS256", &hex(EDDSA_KEY), EDDSA_MESSAGE.as_bytes(), &hex(EDDSA_SIGNATURE));
    assert_eq!(refusal(&answer), "the public key is of another kind than the algorithm");
}

#[test]
fn an_unknown_algorithm_is_refused() {
    let answer = own("none", &hex(EDDSA_KEY), EDDSA_MESSAGE.as_bytes(), b"");
    assert!(refusal(&answer).starts_with("the algorithm is not one of"));
}

#[test]
fn a_key_that_is_no_der_is_refused() {
    assert!(refusal(&envoy(b"-----BEGIN", b"", b"", "sha256")).starts_with("the public key is no"));
}

#[test]
fn a_key_that_is_cut_off_is_refused() {
    let mut key = hex(RS256_KEY);
    key.truncate(200);
    let answer = envoy(&key, RS256_MESSAGE.as_bytes(), &hex(RS256_SIGNATURE), "sha256");
    assert!(!refusal(&answer).is_empty());
}

#[test]
fn malformed_arguments_are_answered_with_an_error() {
    let answer = verify(b"\x0a\xff", &KeyCache::default());
    assert_eq!(refusal(&answer), "the arguments are not a protobuf message");
}

#[test]
fn a_key_is_parsed_once() {
    let keys = KeyCache::default();
    let args = arguments([b"sha256", &hex(ES256_KEY), b"", b""]);
    for _ in 0..3 {
        verify(&args, &keys);
    }
    assert_eq!(keys.len(), 1);
}

#[test]
fn the_key_cache_is_bounded() {
    let keys = KeyCache::default();
    for _ in 0..300 {
        let (key, signature) = ed25519_signed();
        let args = arguments([b"EdDSA", &key, MESSAGE, &signature]);
        verify_jws(&args, &keys);
    }
    assert!(keys.len() <= 256, "{} keys", keys.len());
}

/// Prints what a verification takes; run with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn time_of_a_verification() {
    let cases = [
        ("RS256", rsa_signed(&aws::RSA_PKCS1_SHA256), "sha256"),
        ("ES256", ecdsa_signed(&aws::ECDSA_P256_SHA256_ASN1_SIGNING), "sha256"),
        ("ES384", ecdsa_signed(&aws::ECDSA_P384_SHA384_ASN1_SIGNING), "sha384"),
        ("ES512", ecdsa_signed(&aws::ECDSA_P521_SHA512_ASN1_SIGNING), "sha512"),
    ];
    for (name, (key, signature), hash) in cases {
        let keys = KeyCache::default();
        let args = arguments([hash.as_bytes(), &key, &signature, MESSAGE]);
        let first = Instant::now();
        verify(&args, &keys);
        let first = first.elapsed();
        let known = Instant::now();
        for _ in 0..100 {
            verify(&args, &keys);
        }
        println!("{name}: first {first:?}, then {:?}", known.elapsed() / 100);
    }
}
