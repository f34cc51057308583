"""The ground floor: samples, scores, anomalies, the detector contract, thresholds, significance, artifacts."""
