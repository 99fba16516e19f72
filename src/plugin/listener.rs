//! Where the client connects: a Unix socket that only this user can reach, or loopback TCP where there are none.

use std::{fmt, io};

use tokio::io::{AsyncRead, AsyncWrite};

use super::environment::Environment;

/// One byte stream with a client.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// A listening socket; dropping it removes what it put into the file system.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    address: Address,
}

/// The address as the handshake tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) network: &'static str,
    pub(super) address: String,
}

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix { listener: tokio::net::UnixListener, _directory: tempfile::TempDir },
    #[cfg(any(test, not(unix)))]
    Tcp(tokio::net::TcpListener),
}

impl Listener {
    /// Binds as the environment says.
    ///
    /// # Errors
    /// When no socket can be bound.
    #[cfg(unix)]
    pub(super) fn bind(environment: &Environment) -> io::Result<Self> {
        if let Some(directory) = &environment.socket_directory {
            return Self::bind_unix(directory.as_ref());
        }
        // A socket's path holds about 100 bytes, which a deep TMPDIR exceeds.
        match Self::bind_unix(&std::env::temp_dir()) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Self::bind_unix("/tmp".as_ref()),
            bound => bound,
        }
    }

    /// Binds as the environment says.
    ///
    /// # Errors
    /// When no socket can be bound.
    #[cfg(not(unix))]
    pub(super) fn bind(environment: &Environment) -> io::Result<Self> {
        Self::bind_tcp(environment)
    }

    #[cfg(unix)]
    fn bind_unix(parent: &std::path::Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;

        let owner_only = std::fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix("plugin").permissions(owner_only).tempdir_in(parent)?;
        let path = directory.path().join("socket");
        // The handshake line is text.
        let address = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        let listener = tokio::net::UnixListener::bind(&path)?;
        let address = Address { network: "unix", address };
        Ok(Self { socket: Socket::Unix { listener, _directory: directory }, address })
    }

    /// The first free port from `PLUGIN_MIN_PORT` to `PLUGIN_MAX_PORT`; any port where neither is set.
    #[cfg(any(test, not(unix)))]
    fn bind_tcp(environment: &Environment) -> io::Result<Self> {
        let port = |value: &Option<String>| {
            let parsed = value.as_deref().map_or(Ok(0), str::parse::<u16>);
            parsed.map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidInput, "PLUGIN_MIN_PORT or PLUGIN_MAX_PORT is no port")
            })
        };
        let (min, max) = (port(&environment.min_port)?, port(&environment.max_port)?);
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "PLUGIN_MIN_PORT is greater than PLUGIN_MAX_PORT");
        for port in min..=max {
            match std::net::TcpListener::bind(("127.0.0.1", port)) {
                Ok(listener) => {
                    listener.set_nonblocking(true)?;
                    let address = Address { network: "tcp", address: listener.local_addr()?.to_string() };
                    return Ok(Self { socket: Socket::Tcp(tokio::net::TcpListener::from_std(listener)?), address });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// The next client.
    ///
    /// # Errors
    /// Whatever the system says, e.g. that no file descriptor is left; the listener stays usable.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match &self.socket {
            #[cfg(unix)]
            Socket::Unix { listener, .. } => Ok(Box::new(listener.accept().await?.0)),
            #[cfg(any(test, not(unix)))]
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}|{}", self.network, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn the_socket_lies_in_a_directory_of_its_own_that_goes_with_it() {
        use std::os::unix::fs::PermissionsExt;

        let parent = tempfile::tempdir().unwrap();
        let socket_directory = Some(parent.path().to_str().unwrap().to_owned());
        let listener = Listener::bind(&Environment { socket_directory, ..Environment::default() }).unwrap();

        let directory = std::path::Path::new(&listener.address().address).parent().unwrap().to_owned();
        assert!(directory.starts_with(parent.path()) && directory != parent.path());
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        drop(listener);
        assert!(!directory.exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_directory_that_is_asked_for_but_does_not_exist_is_an_error() {
        let socket_directory = Some("/nonexistent/directory".to_owned());
        let bound = Listener::bind(&Environment { socket_directory, ..Environment::default() });
        assert_eq!(bound.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn tcp_takes_the_next_port_of_the_range_and_says_so() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let min = taken.local_addr().unwrap().port();
        let max = min.saturating_add(20);
        let environment =
            Environment { min_port: Some(min.to_string()), max_port: Some(max.to_string()), ..Environment::default() };
        let listener = Listener::bind_tcp(&environment).unwrap();
        let port: u16 = listener.address().address.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
        assert!((min + 1..=max).contains(&port), "{port}");
    }
}
