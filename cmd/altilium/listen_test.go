package main

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/rs/zerolog"
)

// listened gives the addresses that a server with these settings listens on.
func listened(t *testing.T, bind string, port int) ([]string, error) {
	t.Helper()
	s, err := loaded(t, "", "--bind", bind, "--port", strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{set: s, logger: zerolog.Nop()}
	all, err := d.listen()
	var addrs []string
	for _, ln := range all {
		addrs = append(addrs, ln.Addr().String())
		ln.Close()
	}
	return addrs, err
}

// TestOptionalAddress: one that is not there is passed over, one whose port is
// another server's is not.
func TestOptionalAddress(t *testing.T) {
	if got, err := listened(t, "127.0.0.1 -198.51.100.1", 0); len(got) != 1 || err != nil {
		t.Errorf("without the second address: %q, %v", got, err)
	}
	other, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("no second address to listen on: %v", err)
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	if got, err := listened(t, "127.0.0.1 -::1", port); !errors.Is(err, syscall.EADDRINUSE) || exitCode(err) != exitIO {
		t.Errorf("with the port taken at the second address: %q, %v", got, err)
	}
}

func TestNetworkOf(t *testing.T) {
	for host, want := range map[string][2]string{
		"*": {"tcp", ""}, "::*": {"tcp6", "::"}, "0.0.0.0": {"tcp4", "0.0.0.0"}, "::": {"tcp6", "::"},
		"127.0.0.1": {"tcp4", "127.0.0.1"}, "::1": {"tcp6", "::1"}, "localhost": {"tcp", "localhost"},
	} {
		network, addr := networkOf(host)
		if got := [2]string{network, addr}; got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

// TestClaimDir: a server that is about to give the directory up is waited for, another is not.
func TestClaimDir(t *testing.T) {
	dir := t.TempDir()
	if err := claimDir(dir); err != nil {
		t.Fatal(err)
	}
	lock, err := log.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := claimDir(dir); !errors.Is(err, log.ErrInUse) {
		t.Errorf("of another server: %v", err)
	}
	time.AfterFunc(stopping/10, func() { _ = lock.Release() })
	if err := claimDir(dir); err != nil {
		t.Errorf("of one that stops: %v", err)
	}
}
