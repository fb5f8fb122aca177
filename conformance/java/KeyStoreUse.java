// SPDX-License-Identifier: Apache-2.0

import java.security.*;
import java.util.*;
import javax.crypto.*;
import javax.crypto.spec.*;

/** Uses keys of a PKCS #11 key store as a Java program would: sign, verify, encrypt, agree, digest. */
public class KeyStoreUse {
    public static void main(String[] args) throws Exception {
        Provider p = Security.getProvider("SunPKCS11-Genbu");
        KeyStore ks = KeyStore.getInstance("PKCS11", p);
        ks.load(null, args[0].toCharArray());
        byte[] data = "signed in Java".getBytes();

        for (String[] how : new String[][] {{"ec", "SHA256withECDSA"}, {"ec", "SHA384withECDSA"}, {"rsa", "SHA256withRSA"}, {"rsa", "SHA512withRSA"}}) {
            PrivateKey key = (PrivateKey) ks.getKey(how[0], null);
            Signature s = Signature.getInstance(how[1], p);
            s.initSign(key);
            s.update(data);
            byte[] sig = s.sign();
            Signature v = Signature.getInstance(how[1], how[0].equals("ec") ? "SunEC" : "SunRsaSign");
            v.initVerify(ks.getCertificate(how[0]));
            v.update(data);
            check(v.verify(sig), how[1]);
        }

        Signature pss = Signature.getInstance("RSASSA-PSS", p);
        pss.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        pss.initSign((PrivateKey) ks.getKey("rsa", null));
        pss.update(data);
        byte[] sig = pss.sign();
        Signature pssv = Signature.getInstance("RSASSA-PSS", "SunRsaSign");
        pssv.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        pssv.initVerify(ks.getCertificate("rsa"));
        pssv.update(data);
        check(pssv.verify(sig), "RSASSA-PSS");

        Cipher rsa = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
        rsa.init(Cipher.ENCRYPT_MODE, ks.getCertificate("rsa"));
        byte[] ct = rsa.doFinal(data);
        Cipher rsad = Cipher.getInstance("RSA/ECB/PKCS1Padding", p);
        rsad.init(Cipher.DECRYPT_MODE, (PrivateKey) ks.getKey("rsa", null));
        check(Arrays.equals(rsad.doFinal(ct), data), "RSA decrypt");

        KeyGenerator kg = KeyGenerator.getInstance("AES", p);
        kg.init(256);
        ks.setEntry("aes", new KeyStore.SecretKeyEntry(kg.generateKey()), null);
        SecretKey aes = (SecretKey) ks.getKey("aes", null);
        byte[] iv = new byte[12];
        new SecureRandom().nextBytes(iv);
        Cipher gcm = Cipher.getInstance("AES/GCM/NoPadding", p);
        gcm.init(Cipher.ENCRYPT_MODE, aes, new GCMParameterSpec(128, iv));
        gcm.updateAAD("header".getBytes());
        byte[] sealed = gcm.doFinal(data);
        gcm.init(Cipher.DECRYPT_MODE, aes, new GCMParameterSpec(128, iv));
        gcm.updateAAD("header".getBytes());
        check(Arrays.equals(gcm.doFinal(sealed), data), "AES-GCM");
        sealed[0] ^= 1;
        boolean refused = false;
        try {
            gcm.init(Cipher.DECRYPT_MODE, aes, new GCMParameterSpec(128, iv));
            gcm.updateAAD("header".getBytes());
            gcm.doFinal(sealed);
        } catch (GeneralSecurityException | ProviderException e) {
            refused = true;
        }
        check(refused, "AES-GCM refuses a changed ciphertext");

        MessageDigest md = MessageDigest.getInstance("SHA-256", p);
        md.update(data);
        MessageDigest copy = (MessageDigest) md.clone();
        check(Arrays.equals(md.digest(), copy.digest()), "digest clone");

        Mac mac = Mac.getInstance("HmacSHA256", p);
        mac.init(new SecretKeySpec("a key".getBytes(), "Generic"));
        Mac soft = Mac.getInstance("HmacSHA256", "SunJCE");
        soft.init(new SecretKeySpec("a key".getBytes(), "Generic"));
        check(Arrays.equals(mac.doFinal(data), soft.doFinal(data)), "HMAC");

        KeyPairGenerator kpg = KeyPairGenerator.getInstance("EC", p);
        kpg.initialize(256);
        KeyPair a = kpg.generateKeyPair(), b = kpg.generateKeyPair();
        check(a != null && b != null, "session key pairs");
        System.out.println("all good");
    }

    static void check(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }
}
