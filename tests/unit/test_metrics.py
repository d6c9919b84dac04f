"""What a program says in Prometheus' text format."""

from __future__ import annotations

from daemonset_course.metrics import families, gauge, labels

TEXT = """\
# HELP node_disk_info Info of /sys/block/<block_device>.
# TYPE node_disk_info gauge
node_disk_info{device="vda",model="",serial=""} 1
# TYPE node_network_info gauge
node_network_info{device="eth0",operstate="up"} 1
node_network_info{device="lo",operstate="a \\"quoted\\", word"} 1
# TYPE node_load1 gauge
node_load1 0.25
# TYPE node_scrape_collector_success gauge
node_scrape_collector_success{collector="cpu"} 1
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 2.097152e+07
# TYPE workqueue_adds_total counter
workqueue_adds_total{name="daemonset"} 7
workqueue_adds_total{name="daemonset-node-updates"} 3
"""


def test_labels_are_read_from_the_series_and_empty_ones_left_out() -> None:
    found = labels(TEXT, {"node_network_info": "operstate", "node_disk_info": "model"})

    assert found == {
        "node_network_info{operstate}": ['a "quoted", word', "up"],
        "node_disk_info{model}": [],
    }
    assert labels(TEXT, {"node_load1": "device"}) == {"node_load1{device}": []}


def test_a_series_is_found_by_its_name_and_all_its_labels() -> None:
    assert gauge(TEXT, "process_resident_memory_bytes") == 20 * 2**20
    assert gauge(TEXT, "workqueue_adds_total", name="daemonset-node-updates") == 3
    assert gauge(TEXT, "workqueue_adds_total") == gauge(TEXT, "node_load") == 0


def test_families_are_those_of_the_node() -> None:
    assert families(TEXT) == {"node_disk_info", "node_network_info", "node_load1"}
