//go:build !linux || altilium_portable

package server

import (
	"errors"
	"net"
)

// canPoll says whether the loop can move bytes by itself on this system.
const canPoll = false

// poller is never made: every connection has a goroutine.
type poller struct{ channelWaiter }

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) adopt(*conn, net.Conn) (transport, error) { return nil, errors.ErrUnsupported }
