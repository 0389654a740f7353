// Package epoll waits on many sockets in one thread with as few system calls as Linux allows.
//
// The load generator and the upstream share one core of the machine: what they do not spend, the
// gateway under measurement can be given.
package epoll

import (
	"fmt"
	"net/netip"
	"syscall"
)

// Poller waits until sockets are readable.
type Poller struct {
	fd     int
	events [256]syscall.EpollEvent
}

// New opens a poller.
func New() (*Poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &Poller{fd: fd}, nil
}

// Add makes the poller report fd when it is readable or closed.
func (p *Poller) Add(fd int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: int32(fd)}
	if err := syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// Wait calls ready with each readable socket, once at least one is or `milliseconds` have passed.
func (p *Poller) Wait(milliseconds int, ready func(fd int) error) error {
	count, err := syscall.EpollWait(p.fd, p.events[:], milliseconds)
	if err == syscall.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("epoll_wait: %w", err)
	}
	for _, event := range p.events[:count] {
		if err := ready(int(event.Fd)); err != nil {
			return err
		}
	}
	return nil
}

// Address parses "ip:port" (IPv4).
func Address(text string) (*syscall.SockaddrInet4, error) {
	parsed, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", text, err)
	}
	return &syscall.SockaddrInet4{Port: int(parsed.Port()), Addr: parsed.Addr().As4()}, nil
}

// Socket opens a TCP socket that sends small messages at once.
func Socket() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return 0, fmt.Errorf("TCP_NODELAY: %w", err)
	}
	return fd, nil
}
