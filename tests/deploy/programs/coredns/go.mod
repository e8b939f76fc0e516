module coredns

go 1.26

require github.com/coredns/coredns v1.14.5

// As the programs of Kubernetes are built with, so that each is compiled once.
replace (
	k8s.io/api => k8s.io/api v0.36.3
	k8s.io/apimachinery => k8s.io/apimachinery v0.36.3
	k8s.io/client-go => k8s.io/client-go v0.36.3
)
