//go:build unix && !linux

package supervise

import "syscall"

// Other systems have no such signal: there a killed parent leaves its child.
func setParentDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}
