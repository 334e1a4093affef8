//! What must hold of a controller's answer to a bind, before it is known to be one.

use crate::directory::message;

pub(in crate::directory) fn answer(data: &[u8]) {
    if let Ok(Some(length)) = message::length(data) {
        assert!(length >= 2);
    }
    if let Ok(Some(length)) = message::answer_length(data) {
        assert_eq!(message::length(data), Ok(Some(length)));
    }
    let Some((_, credentials)) = message::bind_response(data) else {
        return;
    };
    let credentials = credentials.unwrap_or_default();
    assert!(credentials.len() < data.len());
    let request = message::bind_request(1, &credentials);
    assert_eq!(message::length(&request), Ok(Some(request.len())));
}
