//! The little HTTP client behind the commands `dump` and `control`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends one request to a control address and answers the status and the body.
///
/// HTTP/1.0 keeps it simple: one request a connection, and the body ends with it.
pub async fn request(
    control: &str,
    method: &str,
    verb: &str,
    body: Option<&str>,
) -> Result<(u16, String), String> {
    let rest = control
        .strip_prefix("http://")
        .ok_or_else(|| format!("'{control}' is not an address like http://127.0.0.1:40001/lab"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let body = body.unwrap_or_default();
    let head = format!(
        "{method} /{}/{verb} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        path.trim_end_matches('/'),
        body.len()
    );
    let failed = |error: std::io::Error| format!("{control}: {error}");
    let mut stream = TcpStream::connect(host).await.map_err(failed)?;
    stream.write_all(head.as_bytes()).await.map_err(failed)?;
    stream.write_all(body.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(failed)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| format!("{control}: the answer is not HTTP"))?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| format!("{control}: the answer has no status"))?;
    let text = String::from_utf8(answer.split_off(end + 4));
    Ok((status, text.map_err(|error| format!("{control}: {error}"))?))
}
