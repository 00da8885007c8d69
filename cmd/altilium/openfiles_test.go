package main

import "testing"

// TestClientsLeaveDescriptors: some descriptors are never clients'.
func TestClientsLeaveDescriptors(t *testing.T) {
	for _, c := range []struct{ files, wanted, clients, conns int }{
		{0, 10000, 10000, 0}, {1 << 20, 10000, 10000, 1<<20 - 32}, {1024, 10000, 960, 992},
		{1024, 100, 100, 992}, {256, 10000, 192, 224}, {40, 10000, 1, 8}, {10, 10000, 1, 1},
	} {
		if got := mostClients(c.files, c.wanted); got != c.clients {
			t.Errorf("%d files, %d clients wanted: %d, want %d", c.files, c.wanted, got, c.clients)
		}
		if got := mostConns(c.files); got != c.conns {
			t.Errorf("%d files: %d connections, want %d", c.files, got, c.conns)
		}
	}
}
