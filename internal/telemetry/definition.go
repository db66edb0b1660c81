package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Definition describes a metric: a line of docs/telemetry.md.
type Definition struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// definitions makes metrics, registers them and remembers what they are.
type definitions struct {
	registry *prometheus.Registry
	all      []Definition
}

func (d *definitions) define(kind, name, help string, labels []string) {
	d.all = append(d.all, Definition{Name: name, Type: kind, Labels: labels, Help: help})
}

func (d *definitions) counter(name, help string, labels ...string) *prometheus.CounterVec {
	d.define("counter", name, help, labels)
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	d.registry.MustRegister(c)
	return c
}

func (d *definitions) gauge(name, help string) prometheus.Gauge {
	d.define("gauge", name, help, nil)
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	d.registry.MustRegister(g)
	return g
}

func (d *definitions) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	d.define("histogram", name, help, labels)
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	d.registry.MustRegister(h)
	return h
}

// read defines a metric whose values are read when they are asked for.
func (d *definitions) read(kind, name, help string, labels ...string) reading {
	d.define(kind, name, help, labels)
	value := prometheus.GaugeValue
	if kind == "counter" {
		value = prometheus.CounterValue
	}
	return reading{prometheus.NewDesc(name, help, labels, nil), value}
}

type reading struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func (r reading) send(to chan<- prometheus.Metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(r.desc, r.kind, value, labels...)
}
