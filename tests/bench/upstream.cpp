// The application behind nginx in `make bench`: reads requests whole and answers 200, with the body for a
// path that begins with /echo. A thread for each connection; nginx gives it Content-Length and keeps
// connections open.
//
//   bench_upstream PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

bool send_all(int socket, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

size_t content_length(const std::string& head) {
  for (const char* name : {"Content-Length: ", "content-length: "}) {
    const size_t at = head.find(name);
    if (at != std::string::npos) return std::strtoul(head.c_str() + at + 16, nullptr, 10);
  }
  return 0;
}

void serve(int socket) {
  std::string pending;
  std::string buffer(256 * 1024, '\0');
  auto receive = [&] {
    const ssize_t n = recv(socket, buffer.data(), buffer.size(), 0);
    return n > 0 ? static_cast<size_t>(n) : 0;
  };
  for (;;) {
    size_t end = std::string::npos;
    while ((end = pending.find("\r\n\r\n")) == std::string::npos) {
      const size_t n = receive();
      if (n == 0) return;
      pending.append(buffer, 0, n);
    }
    const std::string head = pending.substr(0, end + 4);
    const bool echo = head.starts_with("POST /echo");
    size_t rest = content_length(head);
    pending.erase(0, end + 4);
    std::string body;
    while (rest != 0) {
      if (pending.empty()) {
        const size_t n = receive();
        if (n == 0) return;
        const size_t taken = n < rest ? n : rest;
        if (echo) body.append(buffer, 0, taken);
        pending.assign(buffer, taken, n - taken);
        rest -= taken;
      } else {
        const size_t taken = pending.size() < rest ? pending.size() : rest;
        if (echo) body.append(pending, 0, taken);
        pending.erase(0, taken);
        rest -= taken;
      }
    }
    if (!echo) body = "ok\n";
    if (!send_all(socket, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body)) {
      return;
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(arguments[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 128) != 0) {
    std::perror("bench_upstream");
    return 1;
  }
  for (;;) {
    const int socket = accept(listener, nullptr, nullptr);
    if (socket < 0) continue;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread([socket] {
      serve(socket);
      close(socket);
    }).detach();
  }
}
