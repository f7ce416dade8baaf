//! What a service manager is told, in systemd's protocol: datagrams to the socket that `NOTIFY_SOCKET` names.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use hallmark_tests::proxy::program;
use hallmark_tests::raw::DEADLINE;
use hallmark_tests::site::{Options, Site};
use rustix::process::{Pid, Signal, kill_process};

/// A proxy as systemd starts it.
struct Unit {
    site: Site,
    socket: UnixDatagram,
    child: Child,
}

impl Unit {
    fn start() -> Self {
        let site = Site::new(&Options::default());
        let path = site.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let child = Command::new(program("hallmark-proxy"))
            .arg("--config")
            .arg(site.config_file())
            .current_dir(site.path())
            .env("NOTIFY_SOCKET", path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { site, socket, child }
    }

    /// The next that it tells.
    fn told(&self) -> String {
        let mut datagram = [0; 4096];
        let length = self.socket.recv(&mut datagram).unwrap();
        String::from_utf8(datagram[..length].to_vec()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().try_into().unwrap()).unwrap(), signal).unwrap();
    }

    fn assert_reloads(&self) {
        let said = self.told();
        let began = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{said}"));
        assert!(began.trim_end().parse::<u64>().is_ok_and(|micros| micros > 0), "{said}");
        assert_eq!(self.told(), "READY=1\n");
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_service_manager_is_told_of_start_reload_and_end() {
    let mut unit = Unit::start();
    assert_eq!(unit.told(), "READY=1\n");
    // By then it has said where it listens, and does.
    let said = BufReader::new(unit.child.stdout.take().unwrap()).lines();
    let address =
        said.map(Result::unwrap).find_map(|line| Some(line.split_once("listening on http://")?.1.to_owned()));
    TcpStream::connect(address.unwrap()).unwrap();

    unit.signal(Signal::HUP);
    unit.assert_reloads();
    // A wrong one is refused, and what is there is served.
    unit.site.edit_config(|text| format!("{text}\nnonsense"));
    unit.signal(Signal::HUP);
    unit.assert_reloads();

    unit.signal(Signal::TERM);
    while let said = unit.told()
        && said != "STOPPING=1\n"
    {
        // The file that changed was seen meanwhile.
        assert!(said.starts_with("RELOADING=1\n") || said == "READY=1\n", "{said}");
    }
    assert!(unit.child.wait().unwrap().success());
}
