package main

import (
	"fmt"
	"net/netip"
	"syscall"
)

// poller waits on many sockets in one thread with as few system calls as Linux allows.
type poller struct {
	fd     int
	events [1024]syscall.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &poller{fd: fd}, nil
}

// add makes the poller report fd when it is readable or closed.
func (p *poller) add(fd int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: int32(fd)}
	if err := syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// change makes the poller report fd also when it can be written, or no longer.
func (p *poller) change(fd int, written bool) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: int32(fd)}
	if written {
		event.Events |= syscall.EPOLLOUT
	}
	if err := syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_MOD, fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// wait calls ready with each readable socket, once at least one is or `milliseconds` have passed;
// -1 waits for ever.
func (p *poller) wait(milliseconds int, ready func(fd int) error) error {
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

// parseAddress reads "ip:port" (IPv4).
func parseAddress(text string) (*syscall.SockaddrInet4, error) {
	parsed, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", text, err)
	}
	return &syscall.SockaddrInet4{Port: int(parsed.Port()), Addr: parsed.Addr().As4()}, nil
}

// socket opens a TCP socket that sends small messages at once.
func socket() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	return fd, sendAtOnce(fd)
}

func sendAtOnce(fd int) error {
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("TCP_NODELAY: %w", err)
	}
	return nil
}

// receive appends what the socket has to received. The answer is nil when there is nothing yet, and
// at the end of the stream `closed` is true.
func receive(fd int, received []byte) (grown []byte, closed bool, err error) {
	free := len(received)
	if cap(received)-free < 4096 {
		received = append(received, make([]byte, 8192)...)[:free]
	}
	count, err := syscall.Read(fd, received[free:cap(received)])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return received, false, nil
	}
	if err != nil {
		return received, true, err
	}
	return received[:free+count], count == 0, nil
}
