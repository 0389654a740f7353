//! Messages for the foreign functions.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use miniz_oxide::deflate::compress_to_vec_zlib;

use crate::abi::protobuf::write_bytes;

const TEXT: &[u8] = b"message";

fn message(fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, field) in (1_u8..).zip(fields) {
        write_bytes(number, field, &mut out);
    }
    out
}

/// A kilobyte that stands for a megabyte.
pub(super) fn bomb() -> Vec<u8> {
    compress_to_vec_zlib(&vec![0; 1 << 20], 9)
}

pub(super) fn declaration() -> Vec<u8> {
    message(&["n".repeat(900).as_bytes()])
}

pub(super) fn filter_state() -> Vec<u8> {
    message(&[b"key", &[b'v'; 10_000]])
}

pub(super) fn rs256() -> Vec<u8> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&aws::RSA_PKCS1_SHA256, &SystemRandom::new(), TEXT, &mut signature).unwrap();
    let key = pair.public_key().as_der().unwrap();
    message(&[b"sha256", key.as_ref(), &signature, TEXT])
}

/// A key of 8,192 bits that verifies nothing, and where bytes of its modulus can be changed.
pub(super) fn rsa_8192() -> (Vec<u8>, usize) {
    let mut modulus = vec![0xa5; 1025];
    (modulus[0], modulus[1024]) = (0, 0xa7);
    let sized = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    };
    let numbers = [sized(2, &modulus), vec![2, 3, 1, 0, 1]].concat();
    let bits = sized(3, &[vec![0], sized(0x30, &numbers)].concat());
    let algorithm = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let key = sized(0x30, &[&algorithm[..], &bits].concat());
    let all = message(&[b"sha512", &key, &[0x5a; 1024], TEXT]);
    let at = all.windows(4).position(|bytes| bytes == [0xa5; 4]).unwrap();
    (all, at + 400)
}

pub(super) fn es512() -> Vec<u8> {
    let pair = EcdsaKeyPair::generate(&aws::ECDSA_P521_SHA512_ASN1_SIGNING).unwrap();
    let signature = pair.sign(&SystemRandom::new(), TEXT).unwrap();
    let key = pair.public_key().as_der().unwrap();
    message(&[b"sha512", key.as_ref(), signature.as_ref(), TEXT])
}

pub(super) fn long_message() -> Vec<u8> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = pair.public_key().as_der().unwrap();
    message(&[b"sha512", key.as_ref(), &[1; 256], &vec![b'm'; 200_000]])
}

pub(super) fn ed25519() -> Vec<u8> {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = pair.public_key().as_der().unwrap();
    message(&[b"EdDSA", key.as_ref(), TEXT, pair.sign(TEXT).as_ref()])
}

pub(super) fn sign_rsa() -> Vec<u8> {
    let pair = RsaKeyPair::generate(KeySize::Rsa4096).unwrap();
    let key: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    message(&[b"sha512", key.as_ref(), TEXT])
}

pub(super) fn sign_p521() -> Vec<u8> {
    let key =
        EcdsaKeyPair::generate_pkcs8(&aws::ECDSA_P521_SHA512_ASN1_SIGNING, &SystemRandom::new())
            .unwrap();
    message(&[b"sha512", key.as_ref(), TEXT])
}

pub(super) fn sign_rubbish() -> Vec<u8> {
    message(&[b"sha512", &[0x30; 4096], TEXT])
}
