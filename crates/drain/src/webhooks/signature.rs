//! Webhook signing, as the Standard Webhooks specification says, so that any of its libraries can
//! verify the request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The header `webhook-signature` of a message: for each key `v1,` and the HMAC-SHA256, in base64, of
/// id, time (in seconds) and body with dots between them. A receiver takes the message when one of them
/// is right, so that a key can be replaced.
pub(super) fn sign(keys: &[Vec<u8>], id: &str, seconds: u64, body: &str) -> String {
    let message = format!("{id}.{seconds}.{body}");
    // HMAC takes a key of any length.
    let macs = keys.iter().filter_map(|key| Hmac::<Sha256>::new_from_slice(key).ok());
    let signatures = macs.map(|mut mac| {
        mac.update(message.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's own libraries.
    #[test]
    fn the_signature_is_the_specifications() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = "{\"test\": 2432232314}";
        assert_eq!(
            sign(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn each_key_signs_for_itself() {
        let (old, new) = (b"old".to_vec(), b"new".to_vec());
        let one = |key: &Vec<u8>| sign(std::slice::from_ref(key), "id", 1, "body");
        let both = sign(&[new.clone(), old.clone()], "id", 1, "body");
        assert_eq!(both, format!("{} {}", one(&new), one(&old)));
    }
}
