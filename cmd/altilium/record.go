package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/altilium-db/altilium/replay/session"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/spf13/cobra"
)

func newRecord() *cobra.Command {
	var addr, password string
	cmd := &cobra.Command{
		Use:   "record NAME",
		Short: "Record what the clients of a running server do, until Ctrl-C",
		Long: `Record every command of every client of a running server, with its reply, until
Ctrl-C. The recording is written by the server, to recordings/NAME.session in its
data directory; ` + "`altilium replay`" + ` runs it again.

A client can do the same with RECORD START NAME and RECORD STOP. A recording holds
what clients sent, passwords too.`,
		Example: `  altilium record checkout-bug
  altilium replay altilium-data/recordings/checkout-bug.session`,
		Args: wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := dialCLI(addr, password)
			if err != nil {
				return err
			}
			defer c.conn.Close()
			v, err := c.ask("RECORD", "START", args[0])
			if err == nil && v.IsError() {
				err = errors.New(v.Text())
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "recording; Ctrl-C stops")
			return stopRecording(cmd, c)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:6379", "address of the server")
	cmd.Flags().StringVar(&password, "password", os.Getenv("ALTILIUM_REQUIREPASS"), "password of the server")
	return cmd
}

// stopRecording waits for Ctrl-C, or for the recording to be stopped by
// somebody else, and says how it ended.
func stopRecording(cmd *cobra.Command, c *cliConn) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-cmd.Context().Done():
			v, err := c.ask("RECORD", "STOP")
			if err == nil && v.IsError() {
				err = errors.New(v.Text())
			}
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), v.String())
			}
			return err
		case <-tick.C:
			if _, err := c.ask("PING"); err != nil {
				return fmt.Errorf("the server is gone: %w", err)
			}
		}
	}
}

var recordingName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// record opens a recording for the engine.
func (d *daemon) record(name string, offset uint64) (engine.Recorder, error) {
	if !recordingName.MatchString(name) || name[0] == '.' {
		return nil, fmt.Errorf("a recording's name has letters, digits, '.', '_' and '-', at most 100 of them")
	}
	path := filepath.Join(d.dir, "recordings", name+".session")
	w, err := session.Create(path, session.Header{
		Name: name, LogID: d.log.ID().String(), Offset: offset, Started: time.Now().UnixMicro(),
		Server: version, Settings: d.set.recorded(),
	})
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("there is a recording named %s already", name)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}
