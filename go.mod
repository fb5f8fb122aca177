module github.com/genbu-hsm/genbu

go 1.26
